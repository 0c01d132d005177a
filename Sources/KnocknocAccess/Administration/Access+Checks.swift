import KnocknocIdentity
import KnocknocModel
import KnocknocStore

extension Access {
    /// A name as it is stored, with its key.
    func checkedName(_ name: String, what: String, field: String = "name") throws -> (name: String, key: String) {
        do throws(ModelError) {
            let checked = try NameRule.checked(name, what: what)
            return (checked, NameRule.key(checked))
        } catch {
            throw AccessError(.invalid, error.message, field: field)
        }
    }

    /// A new password's hash, in the lane of the client's network.
    func hashed(_ password: String, _ context: RequestContext?) async throws -> String {
        do {
            try PasswordRule.check(new: password)
            let lane = context.map { ThrottleRule.network($0.client.known) } ?? "command line"
            return try await hasher.hash(password, lane: lane)
        } catch let error as IdentityError {
            if error.code == .invalidPassword { throw AccessError(.invalid, error.message, field: "password") }
            throw AccessError(.busy, error.message, retryAfter: 5)
        }
    }

    /// The name of an agent's zone as it is stored.
    func checkedZone(_ zone: String) throws -> String {
        do throws(ModelError) { return try ZoneSelection.checkedName(zone, "zone") } catch {
            throw AccessError(.invalid, error.message, field: "zone")
        }
    }

    func checkText(_ text: String?, atMost limit: Int, field: String) throws {
        guard let text else { return }
        guard text.count <= limit, text.utf8.count <= 4 * limit else {
            throw AccessError(.invalid, "\(field) has at most \(limit) characters", field: field)
        }
        if let scalar = text.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) {
            let code = String(scalar.value, radix: 16, uppercase: true)
            let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
            throw AccessError(
                .invalid, "\(field) has a control character, U+\(padded); write it without", field: field)
        }
    }

    /// The key to look a name up by; one that no account has where the name cannot be stored at all.
    static func lookUpKey(_ name: String) -> String { name.utf8.contains(0) ? "" : NameRule.key(name) }

    func checkSeconds(_ seconds: Int64?, atLeast minimum: Int64, field: String) throws {
        guard let seconds, !(minimum...options.maxSessionSeconds).contains(seconds) else { return }
        throw AccessError(
            .invalid,
            "\(field): expected \(minimum) to \(options.maxSessionSeconds) seconds "
                + "(\(options.maxSessionSeconds / 86_400) days), not \(seconds)", field: field)
    }

    /// Runs a write whose name, or whose references, the database may refuse.
    func refusing<Result>(
        _ what: String, name: String, nameField: String = "name", missing: String? = nil,
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as StoreError where error.code == .unique && error.constraint?.contains("name_key") == true {
            throw AccessError(.duplicate, "there is already \(what) named \"\(name)\"", field: nameField)
        } catch let error as StoreError where error.code == .unique && error.constraint?.contains("token_hash") == true
        {
            // Two came with it at the same moment.
            throw Access.tokenTaken
        } catch let error as StoreError
            where error.code == .foreignKey && error.constraint?.hasSuffix("agent_id_fkey") == true
        {
            throw AccessError(
                .invalid, "an agent that it names was deleted at the same moment; look again", field: "enforcement")
        } catch let error as StoreError where error.code == .foreignKey {
            throw AccessError(.invalid, "\(missing ?? "something it refers to") does not exist", field: missing)
        }
    }

    func checkVersion(_ given: Int64?, _ actual: Int64, what: String) throws {
        guard let given, given != actual else { return }
        throw AccessError(
            .stale, "\(what) was changed meanwhile: you saw version \(given), it is now \(actual)")
    }

    static func none(_ what: String, _ id: some CustomStringConvertible) -> AccessError {
        AccessError(.notFound, "there is no \(what) \(id)")
    }

    /// What an actor of the audit is called by its fields, where a patch changed something.
    static func fields(_ changes: [(String, Bool)]) -> [String: String] {
        let names = changes.filter(\.1).map(\.0)
        return names.isEmpty ? [:] : ["changed": names.joined(separator: " ")]
    }
}
