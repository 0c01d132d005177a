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

    /// The same of rows of a text and a number, as `values (…), (…)` has them.
    package static func statements<Item: ValueConvertible>(
        ofRows rows: [(Item, Int64)], leading: [any ValueConvertible] = [], _ sql: (String) -> String
    ) -> [Statement] {
        var result: [Statement] = []
        var rest = rows[...]
        while let last = rest.last {
            let chunk = Array(rest.prefix(256))
            rest = rest.dropFirst(256)
            let size = sizes.first { $0 >= chunk.count } ?? 256
            let filled = chunk + Array(repeating: chunk.last ?? last, count: size - chunk.count)
            let list = (0..<size).map { row in
                let first = leading.count + 1 + 2 * row
                return "(cast($\(first) as text), cast($\(first + 1) as bigint))"
            }.joined(separator: ", ")
            let parameters = filled.flatMap { row -> [any ValueConvertible] in [row.0, row.1] }
            result.append(Statement(constants: sql(list), leading + parameters))
        }
        return result
    }
}
