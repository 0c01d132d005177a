import CMnl
import Glibc
import NIOConcurrencyHelpers

/// Listens to nf_tables notifications on a thread of its own and tells what others changed.
final class KernelWatcher: Sendable {
    private let stop: StopSignal

    /// Starts to listen; changes made after this returns are seen.
    ///
    /// - Parameter ended: called where it cannot go on, not where it was told to stop.
    init(
        networkNamespace: String?, _ changed: @escaping @Sendable (KernelEvents) -> Void,
        ended: @escaping @Sendable () -> Void
    ) throws(EnforcementError) {
        let stop = try StopSignal()
        self.stop = stop
        let listening = ConditionLock(value: 0)
        let failure = NIOLockedValueBox<EnforcementError?>(nil)
        try startThread("events", networkNamespace: networkNamespace) {
            do throws(EnforcementError) {
                let socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
                try socket.join(NFNLGRP_NFTABLES.rawValue)
                listening.lock()
                listening.unlock(withValue: 1)
                if !Self.listen(socket, until: stop, changed) { ended() }
            } catch {
                failure.withLockedValue { $0 = error }
                listening.lock()
                listening.unlock(withValue: 1)
            }
        }
        listening.lock(whenValue: 1)
        listening.unlock()
        if let error = failure.withLockedValue({ $0 }) { throw error }
    }

    deinit { stop.send() }

    /// - Returns: whether it was told to stop.
    private static func listen(
        _ socket: NetlinkSocket, until stop: StopSignal, _ changed: (KernelEvents) -> Void
    ) -> Bool {
        var own = OwnSockets()
        var failures = 0
        while true {
            var waiting = [
                pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waiting, 2, -1) >= 0 || errno == EINTR else { return false }
            if waiting[1].revents != 0 { return true }
            guard waiting[0].revents != 0 else { continue }
            var events = KernelEvents()
            do throws(EnforcementError) {
                try socket.receive { messages in events = KernelEvents(messages) { own.contains($0) } }
                failures = 0
            } catch {
                events.lost = true
                failures += 1
                // A socket that only fails is replaced; one that is too slow gets a moment.
                if failures > 50 { return false }
                if failures > 1, poll(&waiting[1], 1, 100) > 0 { return true }
            }
            if !events.isEmpty { changed(events) }
        }
    }
}

/// Ends the thread; its descriptor lives as long as both sides.
private final class StopSignal: Sendable {
    let descriptor: Int32

    init() throws(EnforcementError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw EnforcementError(.unavailable, "eventfd: \(systemMessage(errno))") }
    }

    deinit { close(descriptor) }

    func send() { eventfd_write(descriptor, 1) }
}
