extension AgentID {
    /// The site itself, which serves allow lists without an agent: whatever is enforced there is in force with the
    /// commit, on every web node.
    public static let server = AgentID(value: 0x7000_8000_0000_0000_0000)
}
