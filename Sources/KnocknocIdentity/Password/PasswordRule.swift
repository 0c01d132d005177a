/// Which passwords are taken: length only, as NIST SP 800-63B §5.1.1 advises.
public enum PasswordRule {
    /// Characters of a new password.
    public static let minimum = 10
    /// Bytes of any password; longer ones are not even hashed.
    public static let maximumBytes = 1024

    /// - Throws: ``IdentityError`` saying what a new password needs.
    public static func check(new password: String) throws(IdentityError) {
        guard password.count >= minimum else {
            throw IdentityError(
                .invalidPassword, "a password has at least \(minimum) characters; this one has \(password.count)")
        }
        guard password.utf8.count <= maximumBytes else {
            throw IdentityError(.invalidPassword, "a password has at most \(maximumBytes) bytes")
        }
    }
}
