import Glibc

/// The ports that this host's own outgoing connections may take, in the calling thread's network namespace.
enum LocalPorts {
    /// Ports of `wanted` that an outgoing connection could be given; a guard on them would drop its answers.
    static func unreserved(_ wanted: [UInt16]) -> [UInt16] {
        guard let range = read("/proc/sys/net/ipv4/ip_local_port_range") else { return [] }
        return unreserved(wanted, range: range, reserved: read("/proc/sys/net/ipv4/ip_local_reserved_ports") ?? "")
    }

    /// - Parameters:
    ///   - range: two numbers, as `ip_local_port_range` reads.
    ///   - reserved: `8080,9000-9010`, as `ip_local_reserved_ports` reads.
    static func unreserved(_ wanted: [UInt16], range: String, reserved: String) -> [UInt16] {
        let numbers = range.split { $0 == " " || $0 == "\t" || $0 == "\n" }.compactMap { UInt16($0) }
        guard numbers.count == 2 else { return [] }
        let spans = reserved.split { $0 == "," || $0 == "\n" }.compactMap { text -> ClosedRange<UInt16>? in
            let ends = text.split(separator: "-").compactMap { UInt16($0) }
            guard let low = ends.first, let high = ends.last, low <= high else { return nil }
            return low...high
        }
        return wanted.filter { port in
            port >= numbers[0] && port <= numbers[1] && !spans.contains { $0.contains(port) }
        }
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
