/// What somebody who mistyped a name probably meant.
public enum NearestName {
    /// The known name that is at most two edits away, and fewer than it has letters, whatever the case.
    public static func to(_ name: String, among known: [String]) -> String? {
        let measured = known.map { ($0, distance(Array(name.lowercased()), Array($0.lowercased()))) }
        return measured.filter { $0.1 <= min(2, name.count - 1) }.min { $0.1 < $1.1 }?.0
    }

    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, one) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = one == other ? diagonal : 1 + min(diagonal, above, row[j])
                diagonal = above
            }
        }
        return row[right.count]
    }
}
