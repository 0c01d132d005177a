/// Variables by which somebody who may not run programs on a machine could have a script run them, or read or trust what
/// its author does not mean: the loader, the C library, shells, interpreters and common tools act on these unasked. No
/// list of that kind is ever whole; `ScriptVariables` of the agent's own file says which ones may be given at all.
enum ReservedVariables {
    static func contains(_ name: String) -> Bool {
        names.contains(name) || prefixes.contains(where: name.hasPrefix) || suffixes.contains(where: name.hasSuffix)
    }

    private static let names: Set<String> = [
        // Shells.
        "PATH", "IFS", "ENV", "SHELL", "SHELLOPTS", "CDPATH", "FPATH", "GLOBIGNORE", "PS0", "PS1", "PS2", "PS3", "PS4",
        "ZDOTDIR", "FCEDIT", "INPUTRC", "POSIXLY_CORRECT",
        // The C library.
        "LANG", "LANGUAGE", "LOCPATH", "NLSPATH", "GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN", "TZDIR",
        "TERMCAP", "TMPDIR", "TMP", "TEMP", "TEMPDIR",
        // Where programs look for their settings, and for what they start.
        "HOME", "VISUAL", "BROWSER", "CLASSPATH", "NETRC", "WGETRC", "SSLKEYLOGFILE", "KUBECONFIG", "KRB5_CONFIG",
        "MAKEFILES", "GODEBUG", "UNZIP", "GNUPGHOME", "EXINIT", "VIMINIT", "MAILRC", "NMAPDIR", "SNMPCONFPATH", "MIBS",
        "MIBDIRS", "PSQLRC", "PGSERVICEFILE", "PGSYSCONFDIR", "MYSQL_HOME", "MARIADB_HOME", "ORACLE_HOME", "TNS_ADMIN",
        "LDAPRC", "LDAPCONF", "RPM_CONFIGDIR", "AWS_CONFIG_FILE", "AWS_DATA_PATH", "AZURE_CONFIG_DIR",
        "AZURE_EXTENSION_DIR", "OS_CLIENT_CONFIG_FILE", "CONTAINER_HOST", "RSH",
        // What systemd tells a service.
        "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "RUNTIME_DIRECTORY",
    ]

    private static let prefixes = [
        "KNOCKNOC_", "LD_", "DYLD_", "LC_", "GLIBC_", "MALLOC_", "RES_", "RESOLV_", "TERMINFO", "BASH", "ZSH", "KSH",
        "PYTHON", "PERL", "RUBY", "GEM_", "BUNDLE_", "NODE_", "NPM_", "DENO_", "BUN_", "JAVA_", "JDK_", "JVM_",
        "_JAVA_",
        "PHP", "LUA_", "TCL", "R_", "JULIA_", "ERL_", "AWK", "DOTNET_", "CORECLR_", "COMPLUS_", "MONO_", "GUILE_",
        "GIT_",
        "SSH_", "SUDO_", "RSYNC_", "LESS", "OPENSSL_", "SSL_", "GNUTLS_", "CURL_", "ANSIBLE_", "XDG_", "DBUS_",
        "SYSTEMD_",
        "LISTEN_", "WATCHDOG_",
        // Tools of the firewall and of the machine, by which they load code or write files.
        "XTABLES_", "IPTABLES_", "IP6TABLES_", "ARPTABLES_", "EBTABLES_", "TC_", "DPKG_", "APT_", "LIBVIRT_", "VIRSH_",
        "LLVM_", "GCOV_", "NSS_", "GSS_", "SASL_", "KRB5", "ODBC", "LIBMYSQL_", "PASSWORD_STORE_",
        // Tools that speak with others: whom they believe and where they go with what they were given.
        "AWS_ENDPOINT_URL", "AWS_SHARED_", "BOTO", "CLOUDSDK_", "GOOGLE_EXTERNAL_", "DOCKER_", "CONTAINERS_",
        "KUBERNETES_", "HELM_", "TF_", "LDAPTLS_",
    ]

    private static let suffixes = [
        "_OPTIONS", "_OPTS", "OPT", "FLAGS", "_PROXY", "_PRELOAD", "_COMMAND", "_ASKPASS", "EDITOR", "PAGER",
        "_RSH", "LIBDIR", "LIB_DIR", "LIBPATH", "LIB_PATH", "LIBRARY_PATH", "PLUGINS", "PLUGIN_DIR", "PLUGIN_PATH",
        "MODULE_DIR", "MODULE_PATH", "_CA_BUNDLE", "_CA_FILE", "_CA_PATH", "_CERT_FILE", "_CERT_DIR",
    ]
}
