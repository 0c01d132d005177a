import KnocknocModel
public import KnocknocSystem

/// haproxy.cfg as bytes: our part between its marks, and before and after it what is the administrator's.
public struct HAProxyText: Sendable {
    /// What a file of our own begins with where there is none: what Debian's has, and no proxies.
    public static let preamble = """
        global
            log /dev/log local0
            log /dev/log local1 notice
            chroot /var/lib/haproxy
            user haproxy
            group haproxy

        """

    public let path: String
    let marks: HAProxyMarks
    public private(set) var before: [UInt8]
    /// From mark to mark, line feeds included; nil where the file has no part of ours.
    public private(set) var part: [UInt8]?
    public private(set) var after: [UInt8]

    /// - Throws: ``SystemError`` `invalid` where the marks do not fit together.
    public init(_ bytes: [UInt8], path: String, marks: HAProxyMarks) throws(SystemError) {
        self.path = path
        self.marks = marks
        let (opening, closing) = (Array(marks.begin.utf8), Array(marks.end.utf8))
        var (begin, end): (Int?, Int?) = (nil, nil)
        var position = 0
        var number = 0
        for line in bytes.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let next = min(position + line.count + 1, bytes.count)
            if line.starts(with: opening) {
                guard begin == nil else { throw marks.wrong(path, number, "a second part of knocknoc's begins") }
                begin = position
            } else if line.starts(with: closing) {
                guard begin != nil, end == nil else { throw marks.wrong(path, number, "an end mark without its begin") }
                end = next
            }
            position = next
        }
        switch (begin, end) {
        case (let begin?, let end?):
            (before, part, after) = (Array(bytes[..<begin]), Array(bytes[begin..<end]), Array(bytes[end...]))
        case (nil, _): (before, part, after) = (bytes, nil, [])
        case (_?, nil):
            throw marks.wrong(path, bytes[..<(begin ?? 0)].count { $0 == 10 } + 1, "a begin mark without its end")
        }
    }

    /// The comment lines at the part's beginning, which say what it was made from, and the number of the first in the file;
    /// nil where there is no part.
    public var record: (lines: [String], first: Int)? {
        guard let part else { return nil }
        let lines = String(decoding: part, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let own = lines.dropFirst().prefix { $0.hasPrefix("# ") }
        return (own.map(String.init), before.count { $0 == 10 } + 2)
    }

    /// The file with this part in the place of the old one, or at its end; nil takes the part away, and the empty line
    /// that was put before it.
    public func with(part new: String?) -> [UInt8] {
        guard let new else {
            let isOurs = part != nil && before.suffix(2) == [10, 10]
            return (isOurs ? before.dropLast() : before[...]) + after
        }
        var head = before
        if part == nil, let last = head.last {
            if last != 10 { head.append(10) }
            head.append(10)
        }
        return head + Array(new.utf8) + after
    }

    /// The administrator's own lines with their numbers in the file, comments left out, in words.
    private func own() -> [(number: Int, words: [String])] {
        let skipped = (part ?? []).count { $0 == 10 }
        let heads = before.split(separator: 10, omittingEmptySubsequences: false)
        let tails = after.split(separator: 10, omittingEmptySubsequences: false)
        let first = before.count { $0 == 10 } + skipped
        let numbered =
            heads.enumerated().map { ($0.offset + 1, $0.element) }
            + tails.enumerated().map { (first + $0.offset + 1, $0.element) }
        return numbered.compactMap { number, line in
            let text = String(decoding: line, as: UTF8.self).prefix { $0 != "#" }
            let words = text.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
            return words.isEmpty ? nil : (number, words)
        }
    }

    /// Whether the administrator says how long an old worker may live.
    public var hasHardStop: Bool { own().contains { $0.words[0] == "hard-stop-after" } }

    /// The administrator's first line that listens where we would, which HAProxy itself does not object to: it would
    /// share the connections out between the two.
    public func clash(with listeners: [FrontAddress]) -> (line: Int, text: String, listener: FrontAddress)? {
        for (number, words) in own() {
            var places: [Substring] = []
            if words[0] == "bind", words.count > 1 { places = words[1].split(separator: ",") }
            if words[0] == "listen", words.count > 2 { places = words[2].split(separator: ",") }
            for place in places {
                for listener in listeners where Self.place(place, holds: listener) {
                    return (number, words.joined(separator: " "), listener)
                }
            }
        }
        return nil
    }

    private static func place(_ place: Substring, holds listener: FrontAddress) -> Bool {
        var place = place
        if let prefix = ["ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"].first(where: place.hasPrefix) {
            place = place.dropFirst(prefix.count)
        }
        guard let colon = place.lastIndex(of: ":"), let port = listener.port else { return false }
        let ports = place[place.index(after: colon)...].split(separator: "-").compactMap { Int($0) }
        guard let low = ports.first, let high = ports.last, low <= port, port <= high else { return false }
        let host = place[..<colon].filter { $0 != "[" && $0 != "]" }
        let everywhere = ["", "*", "0.0.0.0", "::"].contains(host) || listener.address.isUnspecified
        return everywhere || host == listener.address.description
    }

    /// Whether a proxy after our part would take over our `defaults`, having none of its own.
    public var inheritsOurDefaults: Bool {
        let tail = String(decoding: after, as: UTF8.self).split(separator: "\n")
        for line in tail {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            if words.first == "defaults" { return false }
            if ["frontend", "backend", "listen"].contains(words.first), !words.contains("from") { return true }
        }
        return false
    }
}
