import Hummingbird

extension Site {
    /// Every route of the server behind the edge.
    func router() -> KnocknocRouter {
        let router = Router(context: KnocknocRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: EdgeMiddleware(site: self))
        HealthRoutes(site: self).addRoutes(to: router)
        assets.addRoutes(to: router)
        if settings.allowAgents {
            LinkRoutes(site: self).addRoutes(to: router)
            DownloadRoutes(site: self).addRoutes(to: router)
        }
        SignInRoutes(site: self).addRoutes(to: router)
        PortalRoutes(site: self).addRoutes(to: router)
        AddressRoutes(site: self).addRoutes(to: router)
        ProbeRoutes(site: self).addRoutes(to: router)
        UserRoutes(site: self).addRoutes(to: router)
        GroupRoutes(site: self).addRoutes(to: router)
        KnocRoutes(site: self).addRoutes(to: router)
        AgentRoutes(site: self).addRoutes(to: router)
        AdminRoutes(site: self).addRoutes(to: router)
        APIKeyRoutes(site: self).addRoutes(to: router)
        AllowListRoutes(site: self).addRoutes(to: router)
        LiveRoutes(site: self).addRoutes(to: router)
        addPages(to: router)
        routes.fill(from: router)
        return router
    }
}
