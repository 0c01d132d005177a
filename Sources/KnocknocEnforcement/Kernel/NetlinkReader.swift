/// One message as the kernel sent it; its bytes live as long as the buffer they were read into.
struct NetlinkFrame {
    var type: UInt16
    var port: UInt32
    var payload: UnsafeRawBufferPointer
}

/// The messages in a buffer; one that is cut short ends the sequence.
struct NetlinkFrames: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    init(_ buffer: UnsafeRawBufferPointer) { rest = buffer }

    mutating func next() -> NetlinkFrame? {
        guard rest.count >= 16 else { return nil }
        let length = Int(rest.loadUnaligned(as: UInt32.self))
        guard length >= 16, length <= rest.count else { return nil }
        let frame = NetlinkFrame(
            type: rest.loadUnaligned(fromByteOffset: 4, as: UInt16.self),
            port: rest.loadUnaligned(fromByteOffset: 12, as: UInt32.self),
            payload: UnsafeRawBufferPointer(rebasing: rest[16..<length]))
        rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min(rest.count, (length + 3) & ~3)...])
        return frame
    }
}

/// The attributes in a payload.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    /// - Parameter skipping: the length of the fixed part before the attributes.
    init(_ payload: UnsafeRawBufferPointer, skipping fixed: Int = 0) {
        rest = UnsafeRawBufferPointer(rebasing: payload[Swift.min(payload.count, fixed)...])
    }

    mutating func next() -> (type: UInt16, value: UnsafeRawBufferPointer)? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.loadUnaligned(as: UInt16.self))
        guard length >= 4, length <= rest.count else { return nil }
        let type = rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
        let value = UnsafeRawBufferPointer(rebasing: rest[4..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min(rest.count, (length + 3) & ~3)...])
        return (type, value)
    }

    /// The first attribute of a type.
    func first(_ type: UInt16) -> UnsafeRawBufferPointer? {
        for attribute in self where attribute.type == type { return attribute.value }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// A number in network order that fills the value.
    var number: UInt64 { prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Text up to its end or the first zero byte.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
