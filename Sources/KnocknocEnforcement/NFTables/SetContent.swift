import CMnl
import CNFTnl

/// A set and some of its elements as libnftnl holds them.
final class SetContent {
    let pointer: OpaquePointer

    init() throws(EnforcementError) {
        guard let pointer = nftnl_set_alloc() else { throw Self.exhausted }
        self.pointer = pointer
    }

    convenience init(_ set: TableSet, _ elements: [ElementChange.Item] = []) throws(EnforcementError) {
        try self.init()
        guard nftnl_set_set_str(pointer, UInt16(NFTNL_SET_TABLE.rawValue), set.table) == 0,
            nftnl_set_set_str(pointer, UInt16(NFTNL_SET_NAME.rawValue), set.name) == 0
        else { throw Self.exhausted }
        for element in elements { try add(element) }
    }

    /// With what the kernel sent about elements; nil where the library does not understand it.
    convenience init?(elementsIn message: UnsafePointer<nlmsghdr>) {
        do { try self.init() } catch { return nil }
        guard nftnl_set_elems_nlmsg_parse(message, pointer) == 0 else { return nil }
    }

    deinit { nftnl_set_free(pointer) }

    private func add(_ item: ElementChange.Item) throws(EnforcementError) {
        guard let element = nftnl_set_elem_alloc() else { throw Self.exhausted }
        // From here on the set frees it.
        nftnl_set_elem_add(pointer, element)
        let key = item.key
        guard nftnl_set_elem_set(element, UInt16(NFTNL_SET_ELEM_KEY), key, UInt32(key.count)) == 0 else {
            throw Self.exhausted
        }
        if let milliseconds = item.milliseconds {
            nftnl_set_elem_set_u64(element, UInt16(NFTNL_SET_ELEM_TIMEOUT), UInt64(milliseconds))
        }
        if let comment = item.comment { try add(comment, to: element) }
    }

    private func add(_ comment: String, to element: OpaquePointer) throws(EnforcementError) {
        guard let data = nftnl_udata_buf_alloc(256) else { throw Self.exhausted }
        defer { nftnl_udata_buf_free(data) }
        let type = UInt8(NFTNL_UDATA_SET_ELEM_COMMENT.rawValue)
        guard nftnl_udata_put_strz(data, type, comment),
            nftnl_set_elem_set(
                element, UInt16(NFTNL_SET_ELEM_USERDATA), nftnl_udata_buf_data(data), nftnl_udata_buf_len(data)) == 0
        else { throw Self.exhausted }
    }

    private static var exhausted: EnforcementError { EnforcementError(.kernel, "no memory for a change of a set") }
}

extension SetContent {
    /// Its elements, but one without a key.
    func elements(isOurs: (_ comment: String?) -> Bool) -> [FoundElement] {
        guard let iterator = nftnl_set_elems_iter_create(pointer) else { return [] }
        defer { nftnl_set_elems_iter_destroy(iterator) }
        var found: [FoundElement] = []
        while let element = nftnl_set_elems_iter_next(iterator) {
            let key = Self.value(element, NFTNL_SET_ELEM_KEY)
            guard !key.isEmpty else { continue }
            let ends = nftnl_set_elem_is_set(element, UInt16(NFTNL_SET_ELEM_EXPIRATION))
            found.append(
                FoundElement(
                    key: Array(key),
                    expiration: ends
                        ? Int64(clamping: nftnl_set_elem_get_u64(element, UInt16(NFTNL_SET_ELEM_EXPIRATION))) : nil,
                    isOurs: isOurs(Self.comment(Self.value(element, NFTNL_SET_ELEM_USERDATA)))))
        }
        return found
    }

    private static func value(_ element: OpaquePointer, _ attribute: Int) -> UnsafeRawBufferPointer {
        var length: UInt32 = 0
        let start = nftnl_set_elem_get(element, UInt16(attribute), &length)
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(length))
    }

    private static func comment(_ data: UnsafeRawBufferPointer) -> String? {
        var search = (end: data.baseAddress.map { $0 + data.count }, comment: String?.none)
        withUnsafeMutablePointer(to: &search) { search in
            _ = nftnl_udata_parse(
                data.baseAddress, UInt32(data.count),
                { part, search in
                    guard let part, let search = search?.assumingMemoryBound(to: (UnsafeRawPointer?, String?).self),
                        let end = search.pointee.0, let start = nftnl_udata_get(part),
                        // Whoever wrote it may have written any length.
                        UnsafeRawPointer(start) + Int(nftnl_udata_len(part)) <= end
                    else { return MNL_CB_ERROR }
                    guard nftnl_udata_type(part) == UInt8(NFTNL_UDATA_SET_ELEM_COMMENT.rawValue) else {
                        return MNL_CB_OK
                    }
                    let text = UnsafeRawBufferPointer(start: start, count: Int(nftnl_udata_len(part)))
                    search.pointee.1 = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
                    return MNL_CB_STOP
                }, search)
        }
        return search.comment
    }
}
