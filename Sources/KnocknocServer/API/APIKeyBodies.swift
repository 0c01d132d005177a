import KnocknocAccess
import KnocknocModel

private enum APIKeyKeys: String, CodingKey, CaseIterable {
    case name, scopes, networks, disabled
    case expiresAt = "expires_at"
}

private enum NewAPIKeyKeys: String, CodingKey, CaseIterable {
    case name, scopes, networks
    case expiresAt = "expires_at"
}

struct APIKeyDraftBody: Decodable {
    let draft: APIKeyDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(NewAPIKeyKeys.self)
        draft = APIKeyDraft(
            name: try fields.decode(String.self, forKey: .name), scopes: try fields.scopes(.scopes),
            networks: try fields.decodeIfPresent([CIDR].self, forKey: .networks) ?? [],
            expiresAt: try fields.moment(.expiresAt))
    }
}

struct APIKeyPatchBody: Decodable {
    let patch: APIKeyPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(APIKeyKeys.self)
        var patch = APIKeyPatch()
        patch.name = try fields.given(String.self, .name)
        patch.scopes = fields.contains(.scopes) ? try fields.scopes(.scopes) : nil
        patch.networks = try fields.given([CIDR].self, .networks)
        patch.expiresAt = fields.contains(.expiresAt) ? .set(try fields.moment(.expiresAt)) : .keep
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}

extension KeyedDecodingContainer {
    fileprivate func scopes(_ key: Key) throws -> Set<APIKeyScope> {
        Set(
            try (decodeIfPresent([String].self, forKey: key) ?? []).map { text in
                if let scope = APIKeyScope(rawValue: text) { return scope }
                let known = APIKeyScope.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: self, debugDescription: "\"\(text)\" is not known; expected some of \(known)")
            })
    }

    fileprivate func moment(_ key: Key) throws -> Timestamp? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        do throws(ModelError) {
            return try Timestamp(parsing: text)
        } catch {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: error.message)
        }
    }
}
