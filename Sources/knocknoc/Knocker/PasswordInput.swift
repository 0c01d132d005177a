import ArgumentParser

enum PasswordInput {
    /// The first line of standard input.
    ///
    /// - Throws: `ValidationError` where there is none.
    static func read() throws -> String {
        guard let line = readLine(strippingNewline: true), !line.isEmpty else {
            throw ValidationError("Standard input is empty; expected a password and a newline.")
        }
        return line
    }
}
