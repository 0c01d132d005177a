import Testing

@testable import KnocknocToolkit

@Suite("where a packaged server keeps its things")
struct InstallLayoutTests {
    @Test("a root of one's own moves every path, and secrets lie in the folder of the settings")
    func root() {
        let layout = InstallLayout(root: "/image")
        let all = [layout.configuration, layout.encryptionKey, layout.certificates, layout.data]
        #expect(all.allSatisfy { $0.hasPrefix("/image/") })
        #expect(Set(all).count == all.count)
        #expect(InstallLayout().configuration == "/opt/knocknoc/etc/knocknoc.conf")
    }
}
