import KnocknocModel
public import KnocknocSystem

extension HAProxyText {
    /// Somebody else on a port of ours would keep the new worker from starting, or share its connections.
    ///
    /// - Parameters:
    ///   - listeners: where we are to listen, each with its port.
    ///   - held: where we do already; nil where there is no part of ours yet.
    /// - Throws: ``SystemError`` that names who is in the way, and the way out.
    public func refuseClashes(_ listeners: [FrontAddress], held: [FrontAddress]?) async throws {
        if let (line, text, listener) = clash(with: listeners) {
            throw SystemError(
                .invalid,
                "\(path):\(line): \"\(text)\" of yours listens where we would, at \(listener); expected another --bind for "
                    + "us, or that line away")
        }
        for listener in listeners where !(held ?? []).contains(listener) {
            if let obstacle = ListenCheck.obstacle(of: listener.address) {
                throw SystemError(
                    .invalid,
                    "HAProxy cannot listen at \(listener): \(obstacle). Expected an address of this machine after --bind; "
                        + "one that it is to take over later needs sysctl net.ipv4.ip_nonlocal_bind=1 (net.ipv6 for IPv6)"
                )
            }
            guard let holder = try await PortHolder.of(listener) else { continue }
            // The HAProxy that we change holds what it has until the new worker has taken over.
            if held != nil, holder.program == "haproxy" { continue }
            let remedy =
                holder.program.hasPrefix("knocknoc")
                ? "the web node on this machine needs another place: set Listen = 127.0.0.1:8756 in "
                    + "/opt/knocknoc/etc/knocknoc.conf and restart it, or give --bind another port"
                : "stop it, or give --bind another address or port"
            throw SystemError(
                .failed,
                "\(holder.program) already listens at \(holder.place), where HAProxy is to listen (\(listener)); \(remedy)"
            )
        }
    }
}
