extension Lab {
    /// Says a figure that this run measured; `./dev test` repeats these lines below the counts.
    public static func measured(_ figure: String) {
        for line in figure.split(separator: "\n", omittingEmptySubsequences: true) { print("measured: \(line)") }
    }
}
