import ArgumentParser
import KnocknocAccess

struct CreateAdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-admin", abstract: "Makes an administrator, also while the server runs.")

    @Argument(help: "The new administrator's name.") var name: String
    @Flag(help: "Reads the password from the first line of standard input.") var passwordStdin = false
    @OptionGroup var options: DatabaseOptions

    func validate() throws {
        if !passwordStdin { throw ValidationError("Give the password on standard input with --password-stdin.") }
    }

    func run() async throws {
        let password = try PasswordInput.read()
        let name = name
        try await SiteAccess.with(options) { access in
            _ = try await access.createAdmin(AdminDraft(name: name, password: password), by: .cli, nil)
        }
        Exit.tell("administrator \(name) made")
    }
}
