import Glibc

/// This process's own: questions on standard error, so that results alone are on standard output.
public struct StandardTerminal: Terminal {
    public init() {}

    public func say(_ line: String) { Self.write(line + "\n") }

    public func ask(_ prompt: String, isSecret: Bool) -> String? {
        let isTerminal = isatty(STDIN_FILENO) == 1
        var before = termios()
        let isHidden = isSecret && isTerminal && tcgetattr(STDIN_FILENO, &before) == 0
        if isHidden {
            var hidden = before
            hidden.c_lflag &= ~tcflag_t(ECHO)
            // Before the prompt, and without throwing away what was typed or pasted ahead.
            tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden)
        }
        Self.write(prompt)
        let line = readLine(strippingNewline: true)
        if isHidden { tcsetattr(STDIN_FILENO, TCSADRAIN, &before) }
        // Nobody typed the line feed that would end the question's line.
        if isHidden || !isTerminal || line == nil { Self.write("\n") }
        return line
    }

    private static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}
