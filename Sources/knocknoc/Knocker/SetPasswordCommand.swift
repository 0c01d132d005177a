import ArgumentParser
import KnocknocAccess

struct SetPasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set-password",
        abstract: "Sets a password and ends that person's sessions, also while the server runs.")

    @Argument(help: "The administrator's or the user's name.") var name: String
    @Flag(help: "Reads the password from the first line of standard input.") var passwordStdin = false
    @Flag(help: "The user of that name.") var user = false
    @Flag(help: "The administrator of that name.") var admin = false
    @OptionGroup var options: DatabaseOptions

    func validate() throws {
        if !passwordStdin { throw ValidationError("Give the password on standard input with --password-stdin.") }
        if user, admin { throw ValidationError("--user and --admin exclude each other.") }
    }

    func run() async throws {
        let password = try PasswordInput.read()
        let kind: PrincipalKind? = user ? .user : admin ? .admin : nil
        let name = name
        try await SiteAccess.with(options) { try await $0.setPassword(name, password, of: kind) }
        Exit.tell("password of \(name) set; sessions that were open have ended")
    }
}
