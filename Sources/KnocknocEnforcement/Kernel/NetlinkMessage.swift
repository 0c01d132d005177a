/// Bytes of one netlink request: header, a fixed part, attributes (netlink(7)).
struct NetlinkMessage {
    private(set) var bytes: [UInt8]

    static let request: UInt16 = 1
    static let acknowledge: UInt16 = 4
    static let dump: UInt16 = 0x300
    static let create: UInt16 = 0x400

    init(type: UInt16, flags: UInt16, fixed: [UInt8]) {
        bytes = [0, 0, 0, 0]
        bytes += Self.host(type) + Self.host(flags | Self.request) + [UInt8](repeating: 0, count: 8) + fixed
        finish(from: 0)
    }

    /// A request to nf_tables about a table's family.
    init(nftables command: UInt16, flags: UInt16, family: UInt8) {
        self.init(type: 10 << 8 | command, flags: flags, fixed: [family, 0, 0, 0])
    }

    mutating func add(_ type: UInt16, _ value: [UInt8]) { append(Self.attribute(type, value)) }

    /// Adds attributes that are whole.
    mutating func append(_ attributes: [UInt8]) {
        bytes += attributes
        finish(from: 0)
    }

    static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        host(UInt16(4 + value.count)) + host(type) + value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    }

    mutating func add(_ type: UInt16, text: String) { add(type, Array(text.utf8) + [0]) }

    /// An attribute that holds others.
    static func nested(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        attribute(type | 0x8000, value)
    }

    private mutating func finish(from start: Int) {
        let length = UInt32(bytes.count - start)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length.littleEndian >> (8 * index)) }
        if UInt32(1).bigEndian == 1 { bytes[0..<4].reverse() }
    }

    private static func host(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}
