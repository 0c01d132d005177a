import Foundation
import Synchronization

@testable import KnocknocStore

/// Stands between the driver and Postgres and does it one wrong.
final class FaultProxy: Sendable {
    enum Fault: Sendable {
        /// COMMIT never arrives.
        case beforeCommit
        /// COMMIT is done, and its answer is lost.
        case afterCommit
        /// The first connection waits until it is let through.
        case held
        /// All connections do.
        case allHeld
    }

    /// Somebody waits.
    let holding = Latch()
    private let passing = DispatchSemaphore(value: 0)

    let port: Int
    private let listener: Int32
    private let server: Int
    private let fault: Mutex<Fault?>

    init(to server: PostgresServer, _ fault: Fault) throws {
        self.server = server.port
        self.fault = Mutex(fault)
        (listener, port) = try FreePort.listen(backlog: 16)
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread { [self] in carry(client) }
            }
        }
    }

    var hasStruck: Bool { fault.withLock { $0 == nil } }

    func letThrough() { passing.signal() }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func takeFault(_ isWanted: (Fault) -> Bool) -> Fault? {
        fault.withLock { fault in
            guard let found = fault, isWanted(found) else { return nil }
            fault = nil
            return found
        }
    }

    private func carry(_ client: Int32) {
        defer { close(client) }
        if fault.withLock({ $0 == .allHeld }) || takeFault({ $0 == .held }) != nil {
            holding.set()
            passing.wait()
            passing.signal()
        }
        let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(upstream) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(UInt16(server)).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(upstream, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var polled = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, 2, -1) > 0 else { return }
            for (index, side) in polled.enumerated() where side.revents != 0 {
                let count = read(side.fd, &buffer, buffer.count)
                guard count > 0 else { return }
                let isCommit = index == 0 && buffer[..<count].containsCommit
                let strike = isCommit ? takeFault { $0 == .beforeCommit || $0 == .afterCommit } : nil
                if strike == .beforeCommit { return }
                var sent = 0
                while sent < count {
                    let some = buffer[sent..<count].withUnsafeBytes {
                        write(index == 0 ? upstream : client, $0.baseAddress, $0.count)
                    }
                    guard some > 0 else { return }
                    sent += some
                }
                if strike == .afterCommit {
                    // The answer means that it is done; nobody gets to see it.
                    _ = read(upstream, &buffer, buffer.count)
                    return
                }
            }
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate var containsCommit: Bool {
        let word = Array("commit\0".utf8)
        return indices.contains { self[$0...].starts(with: word) }
    }
}
