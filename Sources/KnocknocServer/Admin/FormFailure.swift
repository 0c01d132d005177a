import HTTPTypes
import KnocknocAccess
import KnocknocModel

/// Reads an error as what is wrong with a form, so that the form comes back with what was typed.
enum FormFailure {
    /// - Throws: the error where the form is not to blame for it.
    static func read(
        _ error: any Error, fields sections: [FormPage.Section]
    ) throws -> (errors: FormErrors, status: HTTPResponse.Status) {
        switch error {
        case let errors as FormErrors:
            return (errors, .unprocessableContent)
        case let error as ModelError:
            return (FormErrors(general: Sentence.of(error.message)), .unprocessableContent)
        case let error as AccessError where error.code == .stale:
            let text =
                "Somebody else changed this meanwhile. What you typed stands below; saving it again overwrites theirs."
            return (FormErrors(general: text), .conflict)
        case let error as AccessError where [.invalid, .duplicate, .forbidden].contains(error.code):
            let names = Set(sections.flatMap(\.fields).map(\.name))
            // The API calls the name of a user or an administrator by another word than the store does.
            let candidates = [error.field, error.field == "name" ? "username" : nil].compactMap(\.self)
            let status: HTTPResponse.Status = error.code == .duplicate ? .conflict : .unprocessableContent
            guard let field = candidates.first(where: names.contains) else {
                return (FormErrors(general: Sentence.of(error.message)), status)
            }
            return (FormErrors(fields: [field: Sentence.beside(error.message)]), status)
        default:
            throw error
        }
    }
}
