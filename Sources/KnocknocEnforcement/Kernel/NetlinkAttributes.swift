import CMnl

/// The attributes of a message, or within one of them; one that is cut short ends the sequence. They live as long as
/// the message does.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var attribute: UnsafePointer<nlattr>?
    private var left: Int32

    /// - Parameter fixed: the size of the structure before them.
    init(_ message: UnsafePointer<nlmsghdr>, after fixed: Int) {
        let start = mnl_nlmsg_get_payload_offset(message, fixed)
        attribute = start.map { UnsafeRawPointer($0).assumingMemoryBound(to: nlattr.self) }
        let padded = (fixed + 3) & ~3
        left = Int32(clamping: mnl_nlmsg_get_payload_len(message)) - Int32(padded)
    }

    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        attribute = bytes.baseAddress?.assumingMemoryBound(to: nlattr.self)
        left = Int32(clamping: bytes.count)
    }

    var first: NetlinkAttribute? {
        var copy = self
        return copy.next()
    }

    mutating func next() -> NetlinkAttribute? {
        guard let found = attribute, mnl_attr_ok(found, left) else { return nil }
        let size = (Int32(found.pointee.nla_len) + 3) & ~3
        left -= size
        attribute = UnsafePointer(mnl_attr_next(found))
        return NetlinkAttribute(pointer: found)
    }
}

struct NetlinkAttribute {
    fileprivate var pointer: UnsafePointer<nlattr>

    /// Without its flags.
    var type: UInt16 { mnl_attr_get_type(pointer) }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: mnl_attr_get_payload(pointer), count: Int(mnl_attr_get_payload_len(pointer)))
    }

    var nested: NetlinkAttributes { NetlinkAttributes(bytes) }

    var text: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    /// Four bytes in the network's order, which is how ipset writes numbers; 0 where it is of another size.
    var number: UInt32 { bytes.count == 4 ? UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) : 0 }
}
