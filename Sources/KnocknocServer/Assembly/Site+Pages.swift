extension Site {
    /// The pages of Portal/ and Admin/.
    func addPages(to router: KnocknocRouter) {}
}
