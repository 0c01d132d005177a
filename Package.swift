// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

// Debian's C libraries. Each folder holds a module map and, where the kernel's headers need it, a thin shim.
let system: [Target] = [
    .systemLibrary(name: "CLibpq", path: "Sources/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CNFTables", path: "Sources/CNFTables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
    .systemLibrary(name: "CNFTnl", path: "Sources/CNFTnl", pkgConfig: "libnftnl", providers: [.apt(["libnftnl-dev"])]),
    .systemLibrary(
        name: "CConntrack", path: "Sources/CConntrack", pkgConfig: "libnetfilter_conntrack",
        providers: [.apt(["libnetfilter-conntrack-dev"])]),
    .systemLibrary(name: "CIPSet", path: "Sources/CIPSet", pkgConfig: "libipset", providers: [.apt(["libipset-dev"])]),
    .systemLibrary(name: "CMnl", path: "Sources/CMnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .systemLibrary(
        name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CTimex", path: "Sources/CTimex"),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let certificates: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let swiftASN1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")

/// Makes an executable small in memory: what is not reached from `main` goes, code that is the same is kept once, and
/// the addresses to be adjusted at start take 14 KiB instead of 1.8 MiB (glibc 2.36). The C++ library, of which the
/// runtime uses little, is linked in by the script in Packaging/link.
let lean: LinkerSetting = .unsafeFlags(
    ["-use-ld=lld", "-L\(Context.packageDirectory)/Packaging/link", "-Xclang-linker", "-static-libgcc"]
        + ["--no-export-dynamic", "--icf=safe", "-z", "pack-relative-relocs"].flatMap { ["-Xlinker", $0] },
    .when(configuration: .release))

let floors: [Target] = [
    // 1
    .target(name: "KnocknocModel", swiftSettings: settings),
    .target(name: "KnocknocRelease", swiftSettings: settings),
    .target(name: "KnocknocMoments", swiftSettings: settings),
    // 2
    .target(
        name: "KnocknocStore",
        dependencies: ["KnocknocModel", "KnocknocRelease", "CLibpq", grdb, logging, nioConcurrency],
        swiftSettings: settings, plugins: ["EmbedFiles"]
    ),
    .target(
        name: "KnocknocProtocol", dependencies: ["KnocknocModel", "KnocknocRelease"], swiftSettings: settings),
    .target(
        name: "KnocknocSystem", dependencies: ["KnocknocModel", subprocess], swiftSettings: settings),
    .target(
        name: "KnocknocCertificates", dependencies: ["KnocknocModel", certificates, crypto, swiftASN1],
        swiftSettings: settings),
    .target(name: "KnocknocLogging", dependencies: ["KnocknocModel", logging], swiftSettings: settings),
    // 3
    .target(
        name: "KnocknocHAProxy", dependencies: ["KnocknocModel", "KnocknocSystem"], swiftSettings: settings),
    .target(name: "KnocknocIdentity", dependencies: ["KnocknocModel", "CSodium"], swiftSettings: settings),
    .target(
        name: "KnocknocEnforcement",
        dependencies: [
            "KnocknocModel", "KnocknocSystem", "CNFTables", "CNFTnl", "CConntrack", "CIPSet", "CMnl", "CLinux", logging,
            nioConcurrency,
        ],
        swiftSettings: settings
    ),
    // 4
    .target(
        name: "KnocknocAccess",
        dependencies: [
            "KnocknocModel", "KnocknocRelease", "KnocknocMoments", "KnocknocStore", "KnocknocProtocol",
            "KnocknocIdentity", crypto,
            lifecycle, logging,
        ],
        swiftSettings: settings
    ),
    // 5
    .target(
        name: "KnocknocHub",
        dependencies: [
            "KnocknocModel", "KnocknocMoments", "KnocknocProtocol", "KnocknocAccess", crypto, lifecycle, logging,
            nioConcurrency, nioCore, nioWebSocket,
        ],
        swiftSettings: settings
    ),
    .target(
        name: "KnocknocAgent",
        dependencies: [
            "KnocknocModel", "KnocknocMoments", "KnocknocRelease", "KnocknocProtocol", "KnocknocSystem",
            "KnocknocEnforcement", "CTimex", crypto, logging, nioConcurrency, nioCore, nioHTTP1, nioPosix, nioSSL,
            nioWebSocket,
        ],
        swiftSettings: settings
    ),
    .target(
        name: "KnocknocToolkit",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocSystem", "KnocknocCertificates", "KnocknocHAProxy",
            "KnocknocIdentity", "KnocknocAccess", certificates, crypto, logging, nioCore, nioHTTP1, nioPosix, nioSSL,
            nioTLS, swiftASN1,
        ],
        swiftSettings: settings, plugins: ["EmbedFiles"]
    ),
    .target(
        name: "KnocknocReverseProxy",
        dependencies: ["KnocknocModel", "KnocknocSystem", "KnocknocHAProxy", argumentParser],
        swiftSettings: settings
    ),
    // 6
    .target(
        name: "KnocknocInstaller",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocSystem", "KnocknocCertificates", "KnocknocAccess",
            "KnocknocToolkit",
        ],
        path: "Installer", swiftSettings: settings
    ),
    .target(
        name: "KnocknocServer",
        dependencies: [
            "KnocknocModel", "KnocknocRelease", "KnocknocStore", "KnocknocSystem", "KnocknocCertificates",
            "KnocknocProtocol", "KnocknocIdentity", "KnocknocAccess", "KnocknocHub", crypto, httpTypes, hummingbird,
            hummingbirdCore,
            hummingbirdTLS, lifecycle,
            logging, mustache,
            nioConcurrency, nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioPosix, nioSSL, nioWebSocket,
        ],
        exclude: ["Assets", "Templates"],
        swiftSettings: settings, plugins: ["EmbedFiles"]
    ),
    // 7
    .executableTarget(
        name: "knocknoc",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocSystem", "KnocknocLogging", "KnocknocIdentity",
            "KnocknocAccess", "KnocknocToolkit", "KnocknocReverseProxy", "KnocknocInstaller", "KnocknocServer",
            "CLinux",
            argumentParser, configuration, crypto, lifecycle, logging, unixSignals,
        ],
        swiftSettings: settings, linkerSettings: [lean]
    ),
    .executableTarget(
        name: "knocknoc-agent",
        dependencies: [
            "KnocknocModel", "KnocknocSystem", "KnocknocLogging", "KnocknocAgent", "KnocknocEnforcement",
            "KnocknocReverseProxy", "CLinux", argumentParser, logging, unixSignals,
        ],
        swiftSettings: settings, linkerSettings: [lean]
    ),
]

// The build-time tool that turns SQL, templates and assets into Swift string constants.
let embedding: [Target] = [
    .executableTarget(name: "embed-files", path: "Plugins/embed-files", swiftSettings: settings),
    .plugin(name: "EmbedFiles", capability: .buildTool(), dependencies: ["embed-files"]),
]

/// `KNOCKNOC_TESTS=Store,Model` builds only those test targets (`./dev test NAME` sets it).
let tests: [Target] = [
    .testTarget(name: "KnocknocModelTests", dependencies: ["KnocknocModel"], swiftSettings: settings),
    .testTarget(name: "KnocknocReleaseTests", dependencies: ["KnocknocRelease"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocStoreTests", dependencies: ["KnocknocModel", "KnocknocStore", logging, subprocess],
        swiftSettings: settings),
    .testTarget(
        name: "KnocknocProtocolTests", dependencies: ["KnocknocModel", "KnocknocProtocol", "Fuzz"],
        exclude: ["Corpus", "Recorded"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocSystemTests",
        dependencies: ["KnocknocModel", "KnocknocSystem", "KnocknocLogging", "KnocknocCertificates"],
        swiftSettings: settings),
    .testTarget(
        name: "KnocknocIdentityTests", dependencies: ["KnocknocModel", "KnocknocIdentity"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocEnforcementTests",
        dependencies: ["KnocknocModel", "KnocknocEnforcement", "Fuzz", "CConntrack", "CMnl", logging, subprocess],
        exclude: ["Corpus"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocAccessTests",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocProtocol", "KnocknocIdentity", "KnocknocAccess", crypto, logging,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "KnocknocAgentTests",
        dependencies: [
            "KnocknocModel", "KnocknocProtocol", "KnocknocEnforcement", "KnocknocAgent", "Fuzz", certificates, crypto,
            logging, nioConcurrency, nioCore, nioHTTP1, nioPosix, nioSSL, nioWebSocket, swiftASN1,
        ],
        exclude: ["Corpus"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocHubTests",
        dependencies: [
            "KnocknocModel", "KnocknocProtocol", "KnocknocHub", "Fuzz", crypto, logging, nioConcurrency, nioCore,
            nioWebSocket,
            .product(name: "NIOEmbedded", package: "swift-nio"),
        ],
        exclude: ["Corpus"], swiftSettings: settings),
    .testTarget(
        name: "KnocknocToolkitTests",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocSystem", "KnocknocHAProxy", "KnocknocIdentity", "KnocknocAccess",
            "KnocknocToolkit", "Lab", logging,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "KnocknocReverseProxyTests",
        dependencies: ["KnocknocModel", "KnocknocSystem", "KnocknocHAProxy", "KnocknocReverseProxy"],
        swiftSettings: settings),
    .testTarget(
        name: "InstallerTests",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocSystem", "KnocknocCertificates", "KnocknocIdentity",
            "KnocknocAccess", "KnocknocToolkit", "KnocknocInstaller", "KnocknocServer", lifecycle, logging,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "KnocknocServerTests",
        dependencies: [
            "KnocknocModel", "KnocknocStore", "KnocknocProtocol", "KnocknocIdentity", "KnocknocAccess",
            "KnocknocServer", crypto, hummingbird, httpTypes, lifecycle, logging,
            nioCore, nioPosix, nioSSL, .product(name: "NIOEmbedded", package: "swift-nio"),
            .product(name: "HummingbirdTesting", package: "hummingbird"),
        ],
        swiftSettings: settings),
    .testTarget(
        name: "Conformance",
        dependencies: ["KnocknocMoments", "Lab"], path: "Tests/Conformance", swiftSettings: settings),
    .testTarget(
        name: "Browser", dependencies: ["Lab"], path: "Tests/Browser", swiftSettings: settings),
    .testTarget(
        name: "Hosts", dependencies: ["Lab"], path: "Tests/Hosts", swiftSettings: settings),
    .testTarget(
        name: "Packages", dependencies: ["Lab"], path: "Tests/Packages", swiftSettings: settings),
]

/// What tests share: for the whole system namespaces, processes, Postgres clusters and an API client, for parsers a fuzzer.
let lab: [Target] = [
    .target(
        name: "Lab", path: "Tests/Lab", swiftSettings: settings),
    .target(
        name: "Fuzz", path: "Tests/Fuzz", swiftSettings: settings),
]

let chosen = Context.environment["KNOCKNOC_TESTS"].map { Set($0.split(separator: ",").map(String.init)) }

let package = Package(
    name: "knocknoc",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: system + floors + embedding + lab
        + tests.filter { target in chosen.map { $0.contains(target.name) } ?? true }
)
