import Glibc

/// This process's standard input, read by the line.
public enum Keyboard {
    /// Asks on standard error and reads one line.
    ///
    /// - Parameter isHidden: whether what is typed at a terminal does not show; it does again afterwards, also where a
    ///   signal ends the process meanwhile.
    /// - Returns: the line without its end; nil where there is no more input.
    public static func line(_ prompt: String, isHidden: Bool) -> String? {
        let isTerminal = isatty(STDIN_FILENO) == 1
        var before = termios()
        let hides = isHidden && isTerminal && tcgetattr(STDIN_FILENO, &before) == 0
        if hides {
            Interruption.keep(before)
            var hidden = before
            hidden.c_lflag &= ~tcflag_t(ECHO)
            // Before the prompt, and keeping what is typed already: who answers at once is not lost.
            tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden)
        }
        write(prompt)
        let line = readLine(strippingNewline: true)
        if hides {
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
            Interruption.keep(nil)
        }
        // Nobody typed the line feed that would end the question's line.
        if hides || !isTerminal || line == nil { write("\n") }
        return line
    }

    private static func write(_ text: String) { _ = StandardConsole.write(text, to: STDERR_FILENO) }
}
