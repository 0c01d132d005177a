/// Statements about many rows at once. Their texts are few, so that each is prepared once: lists are cut to chunks of
/// a few sizes, and a chunk is filled up by repeating its last value, which changes nothing within `in (…)`.
package enum SQLList {
    static let sizes = [1, 4, 16, 64, 256]

    /// - Parameters:
    ///   - leading: the parameters before the list.
    ///   - sql: the text around the list, which is given as `$2, $3, …`.
    package static func statements<Item: ValueConvertible>(
        _ items: [Item], leading: [any ValueConvertible] = [], _ sql: (String) -> String
    ) -> [Statement] {
        var result: [Statement] = []
        var rest = items[...]
        while let last = rest.last {
            let chunk = Array(rest.prefix(256))
            rest = rest.dropFirst(256)
            let size = sizes.first { $0 >= chunk.count } ?? 256
            let filled = chunk + Array(repeating: chunk.last ?? last, count: size - chunk.count)
            let list = (0..<size).map { "$\(leading.count + 1 + $0)" }.joined(separator: ", ")
            result.append(Statement(constants: sql(list), leading + filled))
        }
        return result
    }
}
