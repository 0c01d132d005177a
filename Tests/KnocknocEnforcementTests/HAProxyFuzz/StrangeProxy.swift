import Foundation
import Glibc
import Synchronization

/// Somebody at a runtime socket who answers what a test says, exchange by exchange; after that, as an empty HAProxy does.
final class StrangeProxy: Sendable {
    let folder: String
    var socket: String { folder + "/admin.sock" }
    var file: String { folder + "/knocknoc.map" }

    private struct State {
        var replies: ArraySlice<ArraySlice<UInt8>> = []
        var commands: [String] = []
    }
    private let state = Mutex(State())
    private let listener: Int32

    init() throws {
        // In memory: a list's file is synced at every change.
        folder = "/dev/shm/knf\(UInt32.random(in: 0x1000_0000...0xffff_ffff))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = folder + "/admin.sock"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard listener >= 0, bound == 0, listen(listener, 64) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        Thread.detachNewThread { [self] in serve() }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// - Parameter input: answers, divided by U+001E.
    func begin(_ input: [UInt8]) {
        unlink(file)
        state.withLock { $0 = State(replies: input.split(separator: 0x1e, omittingEmptySubsequences: false)[...]) }
    }

    /// What it was told, in order.
    func commands() -> [String] { state.withLock { $0.commands } }

    private func serve() {
        while true {
            let client = accept(listener, nil, nil)
            if client < 0 {
                if errno == EINTR { continue }
                break
            }
            answer(client)
            close(client)
        }
        close(listener)
    }

    private func answer(_ client: Int32) {
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while line.last != UInt8(ascii: "\n") {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            line += buffer[..<count]
        }
        let commands = String(decoding: line.dropLast(), as: UTF8.self)
            .split(separator: ";", omittingEmptySubsequences: false).map(String.init)
        let reply = state.withLock { state in
            state.commands += commands
            return state.replies.popFirst().map(Array.init)
                ?? commands.flatMap { Array($0 == "show info" ? "Pid: 77\n\n".utf8 : "\n".utf8) }
        }
        var rest = reply[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
