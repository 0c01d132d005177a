import Crypto
import FoundationEssentials
import Glibc
import KnocknocSystem
import NIOPosix
import Synchronization

/// `DownloadDir`: the agent's packages, looked up whenever somebody asks, so that a new one needs no restart.
final class PackageFolder: Sendable {
    /// What tells a file from the one that had its name before.
    private struct Stamp: Hashable {
        var device: UInt
        var inode: UInt
        var size: Int
        var changed: Int
        var nanoseconds: Int
    }

    private let directory: String
    private let checksums = Mutex<[String: (stamp: Stamp, checksum: String)]>([:])

    init(_ directory: String) { self.directory = directory }

    /// The newest package of each architecture, in the order of their names; none where the folder cannot be read.
    func packages() async -> [AgentPackage] {
        let directory = directory
        let names = try? await NIOThreadPool.singleton.runIfActive {
            try FileManager.default.contentsOfDirectory(atPath: directory)
        }
        var newest: [String: AgentPackage] = [:]
        for package in (names ?? []).compactMap({ AgentPackage($0, in: directory) }) {
            if let known = newest[package.architecture], !package.isNewer(than: known) { continue }
            newest[package.architecture] = package
        }
        return newest.values.sorted { $0.architecture < $1.architecture }
    }

    /// SHA-256 of a package in hexadecimal, computed once for each file.
    ///
    /// - Throws: what the system says of a file that cannot be read.
    func checksum(of package: AgentPackage) async throws -> String {
        try await NIOThreadPool.singleton.runIfActive { try self.known(package.path) }
    }

    private func known(_ path: String) throws -> String {
        guard let file = fopen(path, "re") else { throw SystemError(.failed, "\(path) cannot be read: \(Self.reason)") }
        defer { fclose(file) }
        var status = stat()
        guard fstat(fileno(file), &status) == 0 else {
            throw SystemError(.failed, "\(path) cannot be read: \(Self.reason)")
        }
        let stamp = Stamp(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
            changed: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
        if let known = checksums.withLock({ $0[path] }), known.stamp == stamp { return known.checksum }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            hash.update(data: buffer[..<count])
            if count < buffer.count {
                guard ferror(file) == 0 else {
                    throw SystemError(.failed, "\(path) cannot be read: \(Self.reason)")
                }
                break
            }
        }
        let checksum = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        checksums.withLock { $0[path] = (stamp, checksum) }
        return checksum
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
