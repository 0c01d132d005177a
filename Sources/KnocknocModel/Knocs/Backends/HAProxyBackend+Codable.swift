extension HAProxyBackend: Codable {
    private enum Keys: String, CodingKey, CaseIterable {
        case socket, map, acl, file
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        let map = try fields.decodeIfPresent(String.self, forKey: .map)
        let acl = try fields.decodeIfPresent(String.self, forKey: .acl)
        let list: List
        switch (map, acl) {
        case (let name?, nil): list = .map(name)
        case (nil, let name?): list = .acl(name)
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .map, in: fields, debugDescription: "a backend of type haproxy needs either map or acl")
        }
        // HAProxy names a map by its file.
        let file =
            try fields.decodeIfPresent(String.self, forKey: .file)
            ?? (map ?? acl).flatMap { $0.first == "/" ? $0 : nil }
        guard let file else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: fields,
                debugDescription: "file is missing: where HAProxy reads the list at its start")
        }
        self.init(socket: try fields.decode(String.self, forKey: .socket), list: list, file: file)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(socket, forKey: .socket)
        switch list {
        case .map(let name): try fields.encode(name, forKey: .map)
        case .acl(let name): try fields.encode(name, forKey: .acl)
        }
        try fields.encode(file, forKey: .file)
    }
}
