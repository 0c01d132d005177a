/// What is wrong with a form, by field; thrown before anything was written.
struct FormErrors: Error {
    var fields: [String: String] = [:]
    /// What belongs to no field of the form.
    var general: String?

    var isEmpty: Bool { fields.isEmpty && general == nil }

    /// - Throws: itself, unless nothing was found.
    func check() throws(FormErrors) { if !isEmpty { throw self } }
}
