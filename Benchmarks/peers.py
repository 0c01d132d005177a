"""fwknop and knockd, each as its manual says, on the same two hosts."""
import time

import lab


def close():
    lab.check(*lab.inside("gw", "iptables", "-F", "INPUT"))
    lab.check(*lab.inside("gw", "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9000", "-j", "DROP"))


def open_again():
    lab.check(*lab.inside("gw", "iptables", "-F", "INPUT"))


def reset_command():
    gw = " ".join(lab.inside("gw"))
    return f"{gw} iptables -F INPUT; {gw} iptables -A INPUT -p tcp --dport 9000 -j DROP"


def knockd(prober):
    conf = lab.folder / "knockd.conf"
    conf.write_text(f"""[options]
 logfile = {lab.folder}/knockd.txt
[open]
 sequence = 7000,8000,9001
 seq_timeout = 5
 tcpflags = syn
 start_command = /usr/sbin/iptables -I INPUT 1 -s %IP% -p tcp --dport 9000 -j ACCEPT
 cmd_timeout = 30
 stop_command = /usr/sbin/iptables -D INPUT -s %IP% -p tcp --dport 9000 -j ACCEPT
""")
    close()
    daemon = lab.start("gw", "knockd", "-c", str(conf), "-i", "eth0", "-p", str(lab.folder / "knockd.pid"),
                       log="knockd.log")
    time.sleep(1)
    values = prober("process", reset_command(), "knock", lab.GATEWAY, "7000", "8000", "9001")
    lab.stop(daemon)
    open_again()
    return values


def fwknop(prober):
    home = lab.folder / "fwknop"
    home.mkdir()
    keys = dict(line.split(": ", 1) for line in lab.check("fwknop", "--key-gen").splitlines() if ": " in line)
    secret = f"KEY_BASE64 {keys['KEY_BASE64']}\nHMAC_KEY_BASE64 {keys['HMAC_KEY_BASE64']}\n"
    (home / "access.conf").write_text("SOURCE ANY\nOPEN_PORTS tcp/9000\nFW_ACCESS_TIMEOUT 30\n" + secret)
    (home / "fwknopd.conf").write_text(
        f"PCAP_INTF eth0;\nFWKNOP_RUN_DIR {home};\nFWKNOP_PID_FILE {home}/pid;\nDIGEST_DB_FILE {home}/digest;\n")
    (home / "rc").write_text(
        f"[g]\nSPA_SERVER {lab.GATEWAY}\nALLOW_IP {lab.CLIENT}\nACCESS tcp/9000\n{secret}USE_HMAC Y\n")
    for file in home.iterdir():
        file.chmod(0o600)
    close()
    daemon = lab.start("gw", "fwknopd", "-f", "-c", str(home / "fwknopd.conf"), "-a", str(home / "access.conf"),
                       log="fwknop.log")
    time.sleep(1.5)
    gw = " ".join(lab.inside("gw"))
    values = prober("process", f"{gw} iptables -F FWKNOP_INPUT", "fwknop", "--rc-file", str(home / "rc"), "-n", "g",
                    "--no-save-args")
    lab.stop(daemon)
    open_again()
    return values
