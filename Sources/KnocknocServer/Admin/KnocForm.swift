import KnocknocAccess
import KnocknocModel

/// What the form of a Knoc shows and says.
struct KnocForm {
    var name: String
    var url: String?
    var groupIDs: [GroupID]
    var grantOn: GrantOn
    var durationSeconds: Int64?
    var openWhen: OpenWhen
    var enforcement: [EnforcementSpec]
    var zones: [String]
    var placement: Placement
    var closeAfterSeconds: Int64?

    /// - Parameter record: the Knoc as it is, where there is one.
    init(_ values: FormValues, _ record: KnocRecord? = nil) throws(FormErrors) {
        var errors = FormErrors()
        name = values.text("name")
        if name.isEmpty { errors.fields["name"] = "A name is needed." }
        url = values.optional("url")
        if let url, !KnocCard.isSafe(url) {
            errors.fields["url"] = "\"\(url)\" is not a link; expected something like https://wiki.example.com."
        }
        groupIDs = values.all("group_ids").compactMap { GroupID($0) }
        grantOn = GrantOn(rawValue: values.text("grant_on")) ?? .click
        openWhen = OpenWhen(rawValue: values.text("open_when")) ?? .all
        durationSeconds = values.duration("duration_seconds", &errors)
        placement = Placement(rawValue: values.text("placement")) ?? .all
        closeAfterSeconds = values.duration("close_after_seconds", &errors)
        zones = Self.zones(values)
        do throws(ModelError) { zones = try ZoneSelection(zones).terms } catch {
            errors.fields["zones"] = Sentence.beside(error.message)
        }
        enforcement = EnforcementForm.specs(values, &errors, of: record)
        try errors.check()
    }

    /// What stands between commas.
    private static func zones(_ values: FormValues) -> [String] {
        values.text("zones").split(separator: ",")
            .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.filter { !$0.isEmpty }
    }

    static func values(of record: KnocRecord?) -> FormValues {
        var values = FormValues()
        values["grant_on"] = (record?.grantOn ?? .click).rawValue
        values["open_when"] = (record?.openWhen ?? .all).rawValue
        values["placement"] = (record?.placement ?? .all).rawValue
        guard let record else { return values }
        values["zones"] = record.zones.joined(separator: ", ")
        values["close_after_seconds"] = record.closeAfterSeconds.map(DurationText.text)
        values["name"] = record.name
        values["url"] = record.url
        values.set("group_ids", all: record.groupIDs.map(\.description))
        values["duration_seconds"] = record.durationSeconds.map(DurationText.text)
        values.set("disabled", flag: record.disabled)
        EnforcementForm.fill(&values, from: record)
        return values
    }

    static func sections(
        _ record: KnocRecord?, groups: [(value: String, label: String)]
    ) -> [FormPage.Section] {
        var what: [Field] = [
            .text("name", "Name", required: true).hint("As users see it, such as “Wiki” or “SSH to build hosts”."),
            .text("url", "Link").with {
                $0.inputMode = "url"
                $0.plainWords = true
                $0.placeholder = "https://wiki.example.com"
            }.hint("Where the portal leads to while it is open."),
        ]
        if record != nil {
            what.append(.checkbox("disabled", "Disabled").hint("Closes it for everybody, at once. Guards stay."))
        }
        return [
            FormPage.Section(legend: "What", fields: what),
            FormPage.Section(
                legend: "Who, and on what terms",
                fields: [
                    .choices("group_ids", "Groups", groups)
                        .hint(groups.isEmpty ? "There are no groups yet." : "Their users may open it."),
                    .select(
                        "grant_on", "Granted",
                        [("click", "When the user clicks"), ("sign_in", "At sign-in, by itself")]
                    ).half(),
                    .text("duration_seconds", "For how long").with { $0.placeholder = "as long as the session" }.half()
                        .hint("Such as 30m or 8h. Empty: as long as the session."),
                    .select(
                        "open_when", "Shown as open when",
                        [("all", "All its agents have opened it"), ("one", "One of its agents has opened it")]),
                ]),
            FormPage.Section(
                legend: "Zones, and agents that no server reaches",
                about: "Below it says which agents open it, by name or by zone.",
                fields: [
                    .text("zones", "Only in these zones").with {
                        $0.plainWords = true
                        $0.placeholder = "office, !lab"
                    }.half().hint(
                        "Empty: all. ! leaves one out; only those with !: everywhere else. <edge>: agents that serve "
                            + "allow lists themselves."),
                    .select(
                        "placement", "In each zone",
                        [("all", "Every agent lets in"), ("one", "One agent lets in, another one if it goes away")]
                    ).half(),
                    .text("close_after_seconds", "Close where no server is reached for").with {
                        $0.placeholder = "stays open until each grant ends"
                    }.hint(
                        "Such as 90s, at least 30s. An agent then lets nobody in until a server speaks again. Empty: it "
                            + "goes on, and ends each grant on time."),
                ]),
        ]
    }
}
