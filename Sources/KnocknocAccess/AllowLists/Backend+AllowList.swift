import KnocknocModel

extension Backend {
    var isAllowList: Bool {
        if case .allowList = self { true } else { false }
    }

    /// The backend as whoever serves the list is told.
    func served(by service: AllowListService?) -> Backend {
        guard case .allowList(var list) = self else { return self }
        list.service = service
        return .allowList(list)
    }

    /// - Throws: ``ModelError`` where the site itself cannot enforce it.
    func checkedForServer() throws(ModelError) {
        guard case .allowList(let list) = self else {
            throw ModelError(
                .invalidBackend, "agent_id: is needed; without an agent there is only a backend of type allow_list")
        }
        guard list.flows == nil else {
            throw ModelError(
                .invalidBackend, "protocol and ports: the server cuts no flows; leave them out, or name an agent")
        }
    }
}
