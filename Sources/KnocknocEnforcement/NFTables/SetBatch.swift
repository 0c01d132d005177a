import CMnl
import CNFTnl
import Glibc

/// Changes to elements as one transaction, in as many messages and pages as they take.
final class SetBatch {
    private let batch: OpaquePointer

    /// Longer than a message, whose list of elements the library ends at 64 KiB; behind it, room to find out.
    private static let page: UInt32 = 128 * 1024
    private static let overrun = UInt32(UInt16.max) + 4096

    /// - Parameter changes: of which the last asks for an answer.
    init(_ changes: [ElementChange]) throws(EnforcementError) {
        guard let batch = nftnl_batch_alloc(Self.page, Self.overrun) else { throw Self.exhausted }
        self.batch = batch
        nftnl_batch_begin(room, 0)
        try next()
        for (index, change) in changes.enumerated() { try add(change, acknowledged: index == changes.count - 1) }
        nftnl_batch_end(room, 0)
        try next()
    }

    deinit { nftnl_batch_free(batch) }

    /// Its pages; they live as long as it does.
    var pages: [iovec] {
        let count = Int(nftnl_batch_iovec_len(batch))
        return [iovec](unsafeUninitializedCapacity: count) { buffer, filled in
            nftnl_batch_iovec(batch, buffer.baseAddress, UInt32(count))
            filled = count
        }
    }

    private func add(_ change: ElementChange, acknowledged: Bool) throws(EnforcementError) {
        let content = try SetContent(change.set, change.elements)
        guard let iterator = nftnl_set_elems_iter_create(content.pointer) else { throw Self.exhausted }
        defer { nftnl_set_elems_iter_destroy(iterator) }
        let (type, flags) =
            switch change.verb {
            case .add: (NFT_MSG_NEWSETELEM, NLM_F_CREATE)
            case .create: (NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL)
            case .delete: (NFT_MSG_DELSETELEM, 0)
            }
        var isWhole = false
        while !isWhole {
            guard
                let header = nftnl_nlmsg_build_hdr(
                    room, UInt16(type.rawValue), UInt16(change.set.family.number), UInt16(flags), 0)
            else { throw Self.exhausted }
            isWhole = nftnl_set_elems_nlmsg_build_payload_iter(header, iterator) <= 0
            if isWhole, acknowledged { header.pointee.nlmsg_flags |= UInt16(NLM_F_ACK) }
            try next()
        }
    }

    /// Where the next message goes.
    private var room: UnsafeMutablePointer<CChar>? {
        nftnl_batch_buffer(batch)?.assumingMemoryBound(to: CChar.self)
    }

    private func next() throws(EnforcementError) {
        guard nftnl_batch_update(batch) == 0 else { throw Self.exhausted }
    }

    private static var exhausted: EnforcementError { EnforcementError(.kernel, "no memory for a change of a set") }
}
