import KnocknocCertificates
import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem

extension LoadBalancer {
    /// Makes the change on this machine, HAProxy's package included.
    ///
    /// - Parameter begins: whether there may be no part of ours yet.
    /// - Throws: ``SystemError``, with everything as it was.
    public func install(_ change: LoadBalancerChange, begins: Bool) async throws {
        try Superuser.require("changes HAProxy's configuration")
        if layout.root.isEmpty {
            let added = try await DebianPackage.install([HAProxyService.package])
            added.forEach { console.note("installed the package \($0)") }
        }
        try await SystemFile(layout.configuration).locked {
            var draft = try draft(change)
            if draft.before == nil, !begins {
                throw SystemError(
                    .missing,
                    "\(layout.configuration) has no part of knocker's yet; begin with --init --node NAME=HOST:PORT")
            }
            try await make(&draft)
        }
    }

    private func make(_ draft: inout Draft) async throws {
        try requireOwnName(draft.plan)
        try await draft.file.text.refuseClashes(draft.plan.listeners, held: draft.before?.listeners)
        let pins = try await trust(&draft)
        if draft.file.changes {
            console.note(draft.file.diff)
        } else if pins.isEmpty {
            console.note("\(layout.configuration) is as it should be")
        }
        let (made, service) = (draft, service)
        let takeover = try await HAProxyTakeover(of: made.file, by: service, console)
        try await Undoing.run(console) { steps in
            try await takeover.begin(&steps)
            try await prepare(made.plan, pins: pins, &steps)
            try await made.file.check(console)
            try await takeover.write(&steps)
            try await takeover.finish(isUrgent: !pins.isEmpty, &steps) {
                try service.saveStates(layout, onlyDrained: false)
            } after: {
                try service.saveStates(layout, onlyDrained: true)
            }
        }
        for name in (draft.before?.nodes ?? []).map(\.name) where !draft.plan.nodes.contains(where: { $0.name == name })
        {
            try SystemFile(layout.pin(name)).remove()
        }
        guard service.socket.worker != nil else { return }
        try await report(draft.plan, untilKnown: true)
    }

    /// Looks at the nodes that are new, and decides how they will be known again.
    ///
    /// - Returns: the certificates to keep, by the node's name.
    private func trust(_ draft: inout Draft) async throws -> [String: PEMCertificate] {
        var pins: [String: PEMCertificate] = [:]
        var plan = draft.plan
        for (index, node) in plan.nodes.enumerated() {
            let isKnown = draft.before?.nodes.contains { $0.name == node.name && $0.endpoint == node.endpoint } == true
            let keeps = node.trust != .pinned || SystemFile(layout.pin(node.name)).exists
            if isKnown, keeps, !draft.forgotten.contains(node.name) { continue }
            let answer = try await NodeProbe(node: NamedEndpoint(name: node.name, endpoint: node.endpoint)).look()
            switch answer.certificate {
            case nil where node.endpoint.isLoopback: plan.nodes[index].trust = .plain
            case nil where answer.isVouchedFor: plan.nodes[index].trust = .authority
            case nil:
                throw SystemError(
                    .failed,
                    "\(node.name) at \(node.endpoint) answers without TLS, and what people type would cross the wire in "
                        + "the clear; set TLSSelfSigned = true (or TLSCertificate and TLSKey) on that node, restart it, "
                        + "and try again")
            case let der?:
                let certificate = PEMCertificate(der: der)
                plan.nodes[index].trust = .pinned
                pins[node.name] = certificate
                console.note(
                    "\(node.name) at \(node.endpoint) shows a certificate with SHA-256 \(certificate.fingerprint); HAProxy "
                        + "will know it by that. Compare it with what the node's log says")
            }
        }
        if plan != draft.plan {
            draft.plan = plan
            put(plan, in: &draft.file)
        }
        return pins
    }

    /// Whatever the file refers to has to be there before HAProxy checks it.
    private func prepare(
        _ plan: LoadBalancerPlan, pins: [String: PEMCertificate], _ steps: inout Undoing
    ) async throws {
        for folder in [layout.folder, layout.states, layout.run] { try SystemFolder.make(folder, mode: 0o755) }
        try SystemFile(layout.page).replace(with: UnavailablePage.text, keepingBackup: false)
        for backend in [HAProxyPart.pages, HAProxyPart.links] where !SystemFile(layout.state(backend)).exists {
            try SystemFile(layout.state(backend)).replace(with: ServerStates.empty, keepingBackup: false)
        }
        for (name, certificate) in pins.sorted(by: { $0.key < $1.key }) {
            let file = SystemFile(layout.pin(name))
            let old = try file.bytes()
            try await steps.step("keeping \(name)'s certificate in \(file.path)") {
                try file.replace(with: certificate.pem, keepingBackup: false)
            } undo: {
                if let old { try file.replace(with: old, keepingBackup: false) } else { try file.remove() }
            }
        }
        guard case .tls(let path) = plan.front else { return }
        let file = SystemFile(path)
        if path == layout.certificate, !file.exists {
            try await steps.step("making a self-signed certificate in \(path)") {
                try SystemFolder.make(InstallLayout(root: layout.root).certificates, mode: 0o755)
                let made = try SelfSignedCertificate(names: ThisMachine.names)
                try file.replace(with: "\(made.certificate)\n\(made.key)\n", attributes: .init(mode: 0o600))
            } undo: {
                try file.remove()
            }
        }
        _ = try PEMCertificate(of: file)
    }
}
