"""Cameras in a CSV table."""

from appliance.panel.cameras.model import CameraDraft
from federation.http.sheet import Sheet

CAMERAS = Sheet(
    model=CameraDraft,
    columns={
        "id": "编号",
        "name": "名称",
        "url": "视频流地址",
        "username": "用户名",
        "password": "密码",
        "transport": "传输方式",
        "trust": "证书信任",
        "pull": "取流方式",
        "onvif_url": "ONVIF 地址",
        "still": "抓图来源",
    },
    required=("id", "name", "url"),
    key="id",
    most_rows=2000,
)
