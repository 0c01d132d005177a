struct SignInBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case username, password }

    var username: String
    var password: String

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(Keys.self)
        username = try fields.decode(String.self, forKey: .username)
        password = try fields.decode(String.self, forKey: .password)
    }
}
