import CLibpq
import Glibc
import Synchronization

/// Whoever waits for a socket; called on the reactor's thread.
protocol ReactorClient: AnyObject, Sendable {
    /// The socket is readable or writable, or has failed.
    func ready(canWrite: Bool)
    /// Called about five times a second, for deadlines.
    func tick(_ now: ContinuousClock.Instant)
}

/// One thread that watches all of libpq's sockets (epoll(7)).
final class Reactor: Sendable {
    static let shared = Reactor()

    enum Interest { case read, readAndWrite, write }

    private struct State {
        var clients: [UInt64: any ReactorClient] = [:]
        var lastToken: UInt64 = 0
    }

    private let descriptor: Int32
    private let state = Mutex(State())
    private static let tick: Int32 = 200

    private init() {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Reactor>.fromOpaque(context).takeUnretainedValue().loop()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    /// - Returns: a token for ``change(_:_:_:)`` and ``remove(_:_:)``.
    func add(_ client: any ReactorClient, _ socket: Int32, _ interest: Interest) throws(StoreError) -> UInt64 {
        let token = state.withLock { state in
            state.lastToken += 1
            state.clients[state.lastToken] = client
            return state.lastToken
        }
        var event = Self.event(interest, token)
        guard epoll_ctl(descriptor, EPOLL_CTL_ADD, socket, &event) == 0 else {
            let reason = String(cString: strerror(errno))
            _ = state.withLock { $0.clients.removeValue(forKey: token) }
            throw StoreError(.unavailable, "cannot watch a database connection: \(reason)")
        }
        return token
    }

    func change(_ token: UInt64, _ socket: Int32, _ interest: Interest) {
        var event = Self.event(interest, token)
        epoll_ctl(descriptor, EPOLL_CTL_MOD, socket, &event)
    }

    /// Before the socket is closed: its number may be another's soon.
    func remove(_ token: UInt64, _ socket: Int32) {
        var event = epoll_event()
        epoll_ctl(descriptor, EPOLL_CTL_DEL, socket, &event)
        _ = state.withLock { $0.clients.removeValue(forKey: token) }
    }

    private static func event(_ interest: Interest, _ token: UInt64) -> epoll_event {
        let mask =
            switch interest {
            case .read: EPOLLIN.rawValue
            case .write: EPOLLOUT.rawValue
            case .readAndWrite: EPOLLIN.rawValue | EPOLLOUT.rawValue
            }
        return epoll_event(events: mask, data: epoll_data_t(u64: token))
    }

    private func loop() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var nextTick = ContinuousClock.now
        while true {
            let count = epoll_wait(descriptor, &events, Int32(events.count), Self.tick)
            for event in events.prefix(Int(max(0, count))) {
                let client = state.withLock { $0.clients[event.data.u64] }
                client?.ready(canWrite: event.events & EPOLLOUT.rawValue != 0)
            }
            let now = ContinuousClock.now
            guard now >= nextTick else { continue }
            nextTick = now + .milliseconds(Int64(Self.tick))
            for client in state.withLock({ Array($0.clients.values) }) { client.tick(now) }
        }
    }
}
