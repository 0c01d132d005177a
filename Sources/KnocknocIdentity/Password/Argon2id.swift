import CSodium

func argon2id(_ password: String, _ cost: PasswordCost) -> String? {
    var output = [CChar](repeating: 0, count: Int(crypto_pwhash_strbytes()))
    let bytes = Array(password.utf8).map { CChar(bitPattern: $0) }
    guard crypto_pwhash_str(&output, bytes, UInt64(bytes.count), cost.passes, cost.memory) == 0 else { return nil }
    let text = output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self)
}

/// Compares in constant time; a hash that cannot be read matches nothing.
func argon2idMatches(_ password: String, _ hash: String) -> Bool {
    let bytes = Array(password.utf8).map { CChar(bitPattern: $0) }
    var text = Array(hash.utf8).map { CChar(bitPattern: $0) }
    guard text.count < Int(crypto_pwhash_strbytes()) else { return false }
    text += [CChar](repeating: 0, count: Int(crypto_pwhash_strbytes()) - text.count)
    return crypto_pwhash_str_verify(text, bytes, UInt64(bytes.count)) == 0
}
