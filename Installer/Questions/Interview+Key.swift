import KnocknocAccess
import KnocknocModel
import KnocknocToolkit

extension Interview {
    /// Only where the site's data key is wrapped, and neither the string nor this machine has the key for it.
    func keyQuestion(_ answers: Answers) -> Question? {
        guard answers.isKeyWanted, case .wrapped(let check)? = answers.facts?.schema?.dataKey else { return nil }
        return Question(
            id: .encryptionKey,
            preamble: ["", "The site's secrets are kept under a key, which the string does not carry."],
            prompt: "EncryptionKey of the site",
            help: [
                "It is in /opt/knocknoc/etc/encryption.key on every other web node; without --plain, knocker exposedb",
                "prints strings that carry it.",
            ],
            flag: "KNOCKNOC_SETUP_ENCRYPTION_KEY", isSecret: true
        ) { text, answers in
            let key = try key(text)
            guard KeyWrapping.fits(key, checkValue: check) else {
                throw Refusal("this is not the site's key", "? says where it is.")
            }
            answers.key = .use(key)
            return []
        }
    }

    func key(_ text: String) throws(Refusal) -> EncryptionKey {
        guard let key = EncryptionKey(text) else {
            throw Refusal(
                "this is no key", "A key has 43 characters of base64url, or 64 hexadecimal digits.", isUsage: true)
        }
        return key
    }

    /// Finds the key for a site's database: what the string carries, else what this machine has, else it is asked for.
    func takeKey(
        _ state: SiteFacts.DataKeyState, carried: String?, _ answers: inout Answers
    ) throws(Refusal) -> [String] {
        answers.isKeyWanted = false
        let carriedKey: EncryptionKey?
        if let carried { carriedKey = try key(carried) } else { carriedKey = nil }
        switch state {
        case .wrapped(let check):
            if let carriedKey {
                guard KeyWrapping.fits(carriedKey, checkValue: check) else {
                    throw Refusal(
                        "the knocknoc_key in the string is not this site's",
                        "Copy the string again as knocker exposedb prints it on the first node.")
                }
                answers.key = .use(carriedKey)
            } else if let known = existing.key, KeyWrapping.fits(known, checkValue: check) {
                answers.key = .use(known)
            } else if case .use(let given) = answers.key, KeyWrapping.fits(given, checkValue: check) {
            } else {
                answers.isKeyWanted = true
            }
        case .unwrapped:
            answers.key = carriedKey.map { SetupPlan.Key.use($0) } ?? SetupPlan.Key.none
            return carriedKey == nil
                ? ["Note: the site's secrets stand unwrapped in its database, by choice of whoever set it up."] : []
        case .none: answers.key = carriedKey.map { SetupPlan.Key.use($0) } ?? SetupPlan.Key.none
        }
        return []
    }
}
