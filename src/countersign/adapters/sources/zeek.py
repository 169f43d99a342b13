"""Zeek logs as JSON: one object for each record, keys dotted (`id.orig_h`) or nested (`{"id": {"orig_h": …}}`).

`_path` names the log where Zeek's JSON streaming or the loader of a file wrote it. Without it the log is known
by fields that only this log has; `known_hosts` and the like have none, and such records have no schema.
"""

# Log → fields that together stand in no other log. Optional fields are no marks: JSON leaves unset ones out.
_MARKS = {
    "conn": "uid proto conn_state",
    "dns": "uid AA RA rejected",
    "http": "uid trans_depth request_body_len response_body_len tags",
    "smtp": "uid trans_depth tls fuids",
    "ssl": "uid resumed established",
    "files": "fuid source seen_bytes timedout",
    "x509": "certificate.serial certificate.subject certificate.issuer",
    "notice": "note actions suppress_for",
    "weird": "name notice peer",
    "intel": "seen.indicator seen.indicator_type seen.where sources",
    "signatures": "note sig_id event_msg",
    "kerberos": "uid request_type client service",
    "ntlm": "uid server_nb_computer_name server_dns_computer_name",
    "rdp": "uid result security_protocol cert_count",
    "ssh": "uid auth_attempts server",
    "ftp": "uid user command reply_code",
    "smb_files": "uid action name times.modified",
    "smb_mapping": "uid path share_type",
    "smb_cmd": "uid command sub_command argument",
    "dce_rpc": "uid named_pipe endpoint operation",
    "ldap": "uid message_id opcode",
    "ldap_search": "uid message_id scope deref_aliases",
    "dhcp": "uids msg_types",
    "tunnel": "uid tunnel_type action",
    "sip": "uid trans_depth call_id",
    "radius": "uid username result mac",
    "irc": "uid nick user command",
    "socks": "uid version status bound_p",
    "mysql": "uid cmd arg",
    "postgresql": "uid frontend",
    "rfb": "uid client_major_version authentication_method",
    "snmp": "uid community get_requests get_responses",
    "dnp3": "uid fc_request",
    "modbus": "uid func pdu_type",
    "ntp": "uid stratum precision root_disp",
    "quic": "uid client_initial_dcid server_scid",
    "syslog": "uid facility severity message",
    "traceroute": "src dst proto",
    "pe": "compile_ts is_exe uses_aslr",
    "ocsp": "issuerNameHash issuerKeyHash certStatus",
    "known_certs": "host port_num issuer_subject",
    "known_services": "host port_num port_proto",
    "software": "host software_type unparsed_version",
    "analyzer": "cause analyzer_kind analyzer_name",
    "dpd": "uid analyzer failure_reason",
    "capture_loss": "ts_delta gaps acks percent_lost",
    "stats": "peer pkts_proc events_proc timers",
    "packet_filter": "node filter init success",
    "known_hosts": "",
    "loaded_scripts": "",
    "reporter": "",
}
SCHEMAS = tuple(f"zeek.{log}" for log in _MARKS)

_NAMED = frozenset(SCHEMAS)
_BY_MARKS = tuple((f"zeek.{log}", frozenset(marks.split())) for log, marks in _MARKS.items() if marks)


def schema_of(record: dict[str, object]) -> str | None:
    """The log that `_path` names beside a time of Zeek's, or the log that has these fields."""
    if "_path" in record and ("ts" in record or "_write_ts" in record):
        named = f"zeek.{record['_path']}"
        if named in _NAMED:
            return named
    return _by_fields(record) if "ts" in record else None


def _by_fields(record: dict[str, object]) -> str | None:
    keys = set(record)
    for key, value in record.items():
        if isinstance(value, dict):
            keys.update(f"{key}.{inner}" for inner in value)
    if "uid" in keys and "id.orig_h" not in keys and "note" not in keys and "fuid" not in keys:
        return None
    return next((schema for schema, marks in _BY_MARKS if marks <= keys), None)
