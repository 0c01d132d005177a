import Testing

@testable import KnocknocSystem

@Suite("configurations are shown without passwords")
struct RedactionTests {
    @Test(
        "what follows a word for a password is hidden",
        arguments: [
            ("host all all 10.0.0.0/8 ldap ldapserver=x ldapbindpasswd=\"my s3cret\" ldapport=1", "ldapbindpasswd="),
            ("host all all 10.0.0.0/8 ldap \"ldapbindpasswd=my s3cret\"", "ldapbindpasswd="),
            ("host all all 10.0.0.0/8 radius radiusservers=a radiussecrets=\"s3cret,b\"", "radiusservers=a"),
            ("primary_conninfo = 'host=db1 user=u password=''s3cret'' sslmode=require'", "host=db1"),
            ("  user admin insecure-password s3cret", "user admin"), ("  stats auth admin:s3cret", "stats auth"),
            ("DatabaseURL = postgres://me:s3cret@db1/knocknoc?sslmode=require", "@db1/knocknoc?sslmode=require"),
            ("#DatabaseURL = postgres://me:s3cret@db1/knocknoc", "#DatabaseURL = postgres://me:***@db1"),
            ("DatabaseURL = postgres://me:s3c@s3cret@db1/knocknoc", "me:***@db1/knocknoc"),
            ("  setenv API_KEY s3cret", "setenv API_KEY"),
            ("  http-request set-header Authorization \"Basic s3cret\"", "set-header Authorization"),
            ("EncryptionKey = s3cret", "EncryptionKey ="), ("Something_Token: s3cret", "Something_Token:"),
        ])
    func hidden(_ line: String, _ kept: String) {
        let shown = Redaction.of("first\n\(line)\nlast\n")
        #expect(!shown.contains("s3cret") && shown.contains(kept) && shown.contains("***"), "\(shown)")
        #expect(shown.hasPrefix("first\n") && shown.hasSuffix("\nlast\n"))
    }

    @Test("a value on the next line is hidden too, where the line goes on")
    func continued() {
        let shown = Redaction.of("host a b c ldap ldapbindpasswd=\\\ns3cret \\\ns3cret too\nhost d")
        #expect(!shown.contains("s3cret") && shown.hasSuffix("\nhost d"), "\(shown)")
    }

    @Test(
        "everything else is shown as it is",
        arguments: [
            "hostssl knocknoc +knocknoc_owner 203.0.113.7/32 scram-sha-256", "host all all 10.0.0.0/8 password",
            "listen_addresses = '0.0.0.0'", "DatabaseURL = postgres:///knocknoc?host=/var/run/postgresql", "",
            "  bind 192.0.2.1:443 ssl crt /a/b.pem", "PublicURL = https://knock.example:8443/",
        ])
    func shown(_ line: String) { #expect(Redaction.of(line) == line) }
}
