import Glibc
import Synchronization

/// The lock file beside a SQLite database that keeps a second server process away (flock(2)).
final class ServerLock: Sendable {
    private let held: Mutex<Int32?>

    /// - Throws: ``StoreError`` `locked`, naming the process that holds it.
    init(path: String) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.configuration, "cannot open the lock file \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let failure = errno
            let holder = Self.read(descriptor)
            Glibc.close(descriptor)
            guard failure == EWOULDBLOCK else {
                throw StoreError(.configuration, "cannot lock \(path): \(String(cString: strerror(failure)))")
            }
            throw StoreError(
                .locked,
                "another server process\(holder.map { " (pid \($0))" } ?? "") uses this database; stop it first, or give "
                    + "this one another data directory (lock file \(path))")
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        pwrite(descriptor, text, text.count, 0)
        held = Mutex(descriptor)
    }

    private static func read(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let digits = buffer.prefix(max(0, count)).prefix { (48...57).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self))
    }

    func release() {
        let descriptor = held.withLock { held in
            defer { held = nil }
            return held
        }
        guard let descriptor else { return }
        // A child that is being started holds a copy until it is what it will be.
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }

    deinit { release() }
}
