import KnocknocAccess
import KnocknocModel

/// Where devices fetch a Knoc's list, in words.
enum AllowListFacts {
    /// - Parameter origin: nil where the site's address is not known; then a path is told.
    static func facts(_ list: AllowListID, of knoc: KnocRecord, at origin: WebOrigin?) -> [FormPage.Fact] {
        let path = AllowListRequest.folder + list.description
        var facts: [FormPage.Fact] = []
        // Places are compared, not `agentID`: the optimizer of Swift 6.3.1 stops there, and no release is built.
        if knoc.enforcement.contains(where: { $0.place == .agent(.server) }) {
            let copy = FormPage.Copy(id: "allow-list", text: (origin?.description ?? "") + path + ".txt")
            facts.append(FormPage.Fact(label: "Allow list", copy: copy))
        }
        let agents = knoc.targets.filter { $0.agentID != .server && $0.backend.isAllowList }.map(\.agentName)
        if !agents.isEmpty {
            let copy = FormPage.Copy(id: "agents-allow-list", text: path + ".txt")
            let text = "at AllowListListen of \(agents.joined(separator: ", ")): "
            facts.append(FormPage.Fact(label: "Allow list on agents", text: text, copy: copy))
        }
        return facts
    }
}

extension Backend {
    fileprivate var isAllowList: Bool {
        if case .allowList = self { true } else { false }
    }
}
