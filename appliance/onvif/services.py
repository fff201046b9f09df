"""Which services one ONVIF camera has, and where."""

from xml.etree.ElementTree import Element

from appliance.onvif import soap
from appliance.onvif.connection import Connection
from appliance.onvif.errors import DeviceFault, NotSupported

MISSING = {
    soap.MEDIA: "the camera offers no streams by ONVIF",
    soap.PTZ: "the camera does not turn",
    soap.SEARCH: "the camera keeps no record by ONVIF (Profile G)",
    soap.REPLAY: "the camera does not play its record by ONVIF (Profile G)",
}


class Services:
    """The services of a camera by their namespace; looked up once."""

    def __init__(self, connection: Connection) -> None:
        """Look up over `connection` when first asked."""
        self.connection = connection
        self._known: dict[str, str] | None = None

    async def has(self, namespace: str) -> bool:
        """Tell whether the camera has a service; raise OnvifError if it cannot be asked."""
        return namespace in await self._all()

    async def ask(self, namespace: str, request: str) -> Element:
        """Return the body of a service's answer; raise NotSupported if the camera lacks the service."""
        known = await self._all()
        if namespace not in known:
            raise NotSupported(MISSING.get(namespace, f"the camera has no service {namespace}"))
        return await self.connection.ask(known[namespace], request)

    async def _all(self) -> dict[str, str]:
        if self._known is None:
            self._known = await self._look_up()
        return self._known

    async def _look_up(self) -> dict[str, str]:
        request = "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>"
        try:
            body = await self.connection.ask(self.connection.url, request)
        except (DeviceFault, NotSupported):
            return await self._look_up_capabilities()
        return {
            soap.text(service, "tds:Namespace"): self.connection.web_address(soap.text(service, "tds:XAddr"))
            for service in body.iterfind("tds:GetServicesResponse/tds:Service", soap.NAMESPACES)
        }

    async def _look_up_capabilities(self) -> dict[str, str]:
        """Ask as cameras of before ONVIF 2.1 understand it."""
        request = "<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>"
        body = await self.connection.ask(self.connection.url, request)
        answer = body.find("tds:GetCapabilitiesResponse/tds:Capabilities", soap.NAMESPACES)
        found = {soap.MEDIA: soap.text(answer, "tt:Media/tt:XAddr"), soap.PTZ: soap.text(answer, "tt:PTZ/tt:XAddr")}
        return {namespace: self.connection.web_address(url) for namespace, url in found.items() if url}
