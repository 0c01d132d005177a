import KnocknocSystem

/// This process's own: questions on standard error, so that results alone are on standard output.
public struct StandardTerminal: Terminal {
    public init() {}

    public func say(_ line: String) { StandardConsole().note(line) }

    public func ask(_ prompt: String, isSecret: Bool) -> String? { Keyboard.line(prompt, isHidden: isSecret) }
}
