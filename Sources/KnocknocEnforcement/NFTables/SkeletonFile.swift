import Glibc
import KnocknocSystem

/// The guards without their members, as a file that `nft -f` loads before the network is up. Its folder is found once: root
/// may be who reads and writes it, in the folder of the agent's user.
struct SkeletonFile {
    private static let header =
        "#!/usr/sbin/nft -f\n# Written by knocknoc-agent: the ports that stay closed while it is not running.\n"
    /// More than ten thousand guards need, in bytes.
    private static let limit = 64 << 20

    let path: String
    /// Nil where its folder is not there.
    private let held: Result<HeldFile?, SystemError>

    /// - Parameter path: absolute.
    init(_ path: String) {
        self.path = path
        held = Result { () throws(SystemError) in try HeldFile.find(path) }
    }

    static func render(_ table: OwnTable) -> String {
        header + table.commands
    }

    /// Whether the file is one that was written here.
    var isOurs: Bool {
        guard let content = try? held.get()?.content(limit: Self.limit) else { return false }
        return content.bytes.starts(with: Self.header.utf8)
    }

    /// Replaces the file at once, readable by its owner only, and returns when it is on the disk. `unguard` by root leaves
    /// it to the agent's user, who could not read it at its next start otherwise.
    ///
    /// - Throws: ``EnforcementError`` where it could not be read again, since what was found in the kernel is in it, too.
    func write(_ text: String) throws(EnforcementError) {
        guard Self.foreignLine(text) == nil else {
            throw EnforcementError(
                .refused, "the table inet \(OwnTable.name) has a rule that the agent does not write")
        }
        try with { (file) throws(SystemError) in
            guard let file else { throw SystemError(.missing, "its folder is not there") }
            // The agent and `unguard` may write at the same time; whoever is last has read what the other did.
            try file.replace(with: Array(text.utf8), amongOthers: true)
        }
    }

    func remove() { try? held.get()?.remove() }

    /// The file's text; nil where there is none.
    ///
    /// - Throws: ``EnforcementError`` where others could have written it, or it is not what is written here: it becomes
    ///   firewall rules, and root may be who reads it in the folder of the agent's user.
    func read() throws(EnforcementError) -> String? {
        let content = try with { (file) throws(SystemError) in
            try file.flatMap { (file) throws(SystemError) in
                try file.content(limit: Self.limit).map { ($0, file.folder.owner) }
            }
        }
        guard let ((bytes, attributes), folderOwner) = content else { return nil }
        guard [0, geteuid(), folderOwner].contains(attributes.owner), attributes.mode & 0o022 == 0 else {
            throw EnforcementError(
                .refused, "\(path): others may write it; expected owner root, us or the folder's, mode 0600")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if let line = Self.foreignLine(text) {
            throw EnforcementError(
                .refused,
                "\(path):\(line): not a line that the agent writes; remove the file, and the agent makes it anew")
        }
        return text
    }

    private func with<Value>(_ body: (HeldFile?) throws(SystemError) -> Value) throws(EnforcementError) -> Value {
        do throws(SystemError) {
            return try body(try held.get())
        } catch {
            throw EnforcementError(error.code == .invalid ? .refused : .unavailable, error.message)
        }
    }

    /// The first line that is not one command such as is written here: an `include` would have root open any file, and
    /// say what is in it, and a command behind another one might wait for ever.
    private static func foreignLine(_ text: String) -> Int? {
        // Bytes, as nft reads them: to Swift a carriage return and what follows it are one character.
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.firstIndex { line in
            !line.isEmpty && line.first != UInt8(ascii: "#") && !isOneCommand(line)
        }.map { $0 + 1 }
    }

    private static func isOneCommand(_ line: Substring.UTF8View) -> Bool {
        guard ["add ", "flush ", "delete "].contains(where: { line.starts(with: $0.utf8) }) else { return false }
        // What is in quotes is every second part: comments and names of interfaces.
        let parts = line.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        guard parts.count % 2 == 1, !line.contains(UInt8(ascii: "\\")) else { return false }
        var depth = 0
        for part in stride(from: 0, to: parts.count, by: 2).map({ parts[$0] }) {
            for byte in part {
                switch byte {
                case UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: ";") where depth == 0: return false
                case UInt8(ascii: "#"): return false
                default: break
                }
                if depth < 0 { return false }
            }
            if part.split(whereSeparator: { !isOfWord($0) }).contains(where: { $0.elementsEqual("include".utf8) }) {
                return false
            }
        }
        return depth == 0
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
