import KnocknocModel

extension AgentConfiguration {
    /// The headers that say who asks; what no header can carry is left out.
    var identity: [(name: String, value: String)] {
        [("Knocknoc-Agent-Id", id?.description), ("Knocknoc-Agent-Name", name ?? HostFacts().name)]
            .compactMap { header, value in
                guard let value, !value.isEmpty, value.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                    return nil
                }
                return (header, value)
            }
    }
}
