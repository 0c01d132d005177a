/// What would change in a text, as people know it from `diff -u`.
public enum LineDiff {
    private static let context = 3

    /// - Returns: nothing where both are the same.
    public static func unified(_ old: String, _ new: String, name: String) -> String {
        guard old != new else { return "" }
        let (before, after) = (lines(old), lines(new))
        let difference = after.difference(from: before)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        // Every line of both, in order: what it is, and where it stands in either.
        var all: [(mark: Character, text: Substring, old: Int, new: Int)] = []
        var (i, j) = (0, 0)
        while i < before.count || j < after.count {
            if i < before.count, removed.contains(i) {
                all.append(("-", before[i], i, j))
                i += 1
            } else if j < after.count, inserted.contains(j) {
                all.append(("+", after[j], i, j))
                j += 1
            } else {
                all.append((" ", before[i], i, j))
                (i, j) = (i + 1, j + 1)
            }
        }
        var text = "--- \(name)\n+++ \(name) (new)\n"
        var index = 0
        while let first = all[index...].firstIndex(where: { $0.mark != " " }) {
            var last = first
            var next = first
            while next < all.count, next - last <= 2 * context {
                if all[next].mark != " " { last = next }
                next += 1
            }
            let hunk = all[max(index, first - context)..<min(all.count, last + context + 1)]
            let (olds, news) = (hunk.filter { $0.mark != "+" }.count, hunk.filter { $0.mark != "-" }.count)
            text += "@@ -\((hunk.first?.old ?? 0) + 1),\(olds) +\((hunk.first?.new ?? 0) + 1),\(news) @@\n"
            for line in hunk { text += "\(line.mark)\(line.text)\n" }
            index = hunk.endIndex
        }
        return text
    }

    private static func lines(_ text: String) -> [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
