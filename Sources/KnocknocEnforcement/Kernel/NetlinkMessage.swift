import CMnl

/// One request to the kernel, as libmnl and its sister libraries write it.
struct NetlinkMessage: Sendable {
    typealias Header = UnsafeMutablePointer<nlmsghdr>

    let bytes: [UInt8]

    /// Far more than a request takes: names of at most 255 bytes, one flow or one element.
    private static let room = 8192

    /// - Parameters:
    ///   - flags: `NLM_F_ACK` and so on, beside `NLM_F_REQUEST`.
    ///   - fill: adds what follows the header.
    init(type: UInt16, flags: Int32, _ fill: (Header) -> Void) {
        self.init { start in
            guard let header = mnl_nlmsg_put_header(start) else { return nil }
            header.pointee.nlmsg_type = type
            header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | flags)
            fill(header)
            return header
        }
    }

    /// - Parameter write: writes a whole message.
    init(_ write: (UnsafeMutableRawPointer) -> Header?) {
        bytes = withUnsafeTemporaryAllocation(byteCount: Self.room, alignment: 16) { memory in
            guard let start = memory.baseAddress, let header = write(start) else { return [] }
            return Array(memory[..<Int(header.pointee.nlmsg_len)])
        }
    }
}

extension UnsafeMutablePointer<nlmsghdr> {
    /// Adds a structure, zeroed, that comes before the attributes.
    func put<Fixed: BitwiseCopyable>(_ fixed: Fixed) {
        mnl_nlmsg_put_extra_header(self, MemoryLayout<Fixed>.size).storeBytes(of: fixed, as: Fixed.self)
    }
}

extension UnsafePointer<nlmsghdr> {
    /// The structure before the attributes; nil where the message is shorter.
    func fixed<Fixed: BitwiseCopyable>(_: Fixed.Type) -> Fixed? {
        guard mnl_nlmsg_get_payload_len(self) >= MemoryLayout<Fixed>.size else { return nil }
        return mnl_nlmsg_get_payload(self).loadUnaligned(as: Fixed.self)
    }
}

/// The messages in a datagram; one that is cut short ends the sequence.
///
/// `mnl_cb_run` would end a listing with an error when the ruleset changes meanwhile, and keep a batch's later errors
/// to itself.
struct NetlinkMessages: Sequence, IteratorProtocol {
    private var header: UnsafePointer<nlmsghdr>?
    private var left: Int32

    init(_ datagram: UnsafeRawBufferPointer) {
        header = datagram.baseAddress?.assumingMemoryBound(to: nlmsghdr.self)
        left = Int32(datagram.count)
    }

    mutating func next() -> UnsafePointer<nlmsghdr>? {
        // libmnl takes a length of more than 2 GiB for a negative one.
        guard let found = header, mnl_nlmsg_ok(found, left), found.pointee.nlmsg_len <= UInt32(left) else { return nil }
        header = UnsafePointer(mnl_nlmsg_next(found, &left))
        return found
    }
}
