"""The built files of a single-page application, served beside the API."""

import asyncio
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aiohttp import web

from federation.http.problem import Problem

# Everything but the API and what machines read; those answer their own 404 and 405.
PAGE_PATTERN = r"/{path:(?!(?:api|metrics|healthz|readyz)(?:/|$)).*}"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
HASHED_FOLDER = "assets"  # where the build puts files whose names hold a hash of their content

NOT_BUILT = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>界面尚未构建</title>
<style>body{{font:16px/1.7 sans-serif;max-width:36em;margin:12vh auto;padding:0 1.5em}}</style>
<h1>界面尚未构建</h1>
<p>服务已正常运行，但{title}的网页文件尚未生成。
请在源码目录执行 <code>make demo</code>，或安装已包含界面的发行包，然后刷新本页。</p>
<p lang="en">The service is up, but the pages of its web interface have not been built.
Run <code>make demo</code> in the source folder, or install a release, which holds them; then reload.</p>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class SinglePage:
    """A folder with `index.html` and hashed files below `assets/`; it may appear while the program runs."""

    folder: Path
    title: str

    def add_to(self, app: web.Application) -> None:
        """Serve the pages on every GET address that the API does not own; call it after the API's routes."""
        app.router.add_get(PAGE_PATTERN, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = PurePosixPath(request.match_info["path"])
        found = await asyncio.to_thread(self._find, path)
        if found is not None:
            lasting = path.parts[:1] == (HASHED_FOLDER,)
            return web.FileResponse(found, headers={"Cache-Control": FOR_EVER if lasting else ASK_AGAIN})
        if path.suffix or path.parts[:1] == (HASHED_FOLDER,):
            raise Problem(404, "not_found", "There is no such file; reload the page if it was open for long.")
        page = NOT_BUILT.format(title=self.title)
        return web.Response(text=page, status=503, content_type="text/html", headers={"Cache-Control": "no-store"})

    def _find(self, path: PurePosixPath) -> Path | None:
        """Return the file of a path; addresses of pages, which have no suffix, all mean `index.html`."""
        is_page = not path.suffix and path.parts[:1] != (HASHED_FOLDER,)
        wanted = self.folder / "index.html" if is_page else self.folder / path
        try:
            resolved = wanted.resolve(strict=True)
        except (OSError, ValueError):
            return None
        inside = resolved.is_relative_to(self.folder.resolve())
        return resolved if inside and resolved.is_file() else None
