// The live page of an overlay: what is on it, and what begins it.

import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import { keepContact } from './data/contact';
import { keepPictures } from './data/pictures';
import { keepInAddress, view } from './data/selection';
import { MapView } from './map/map';
import { Details } from './panels/details';
import { Events } from './panels/events';
import { Head, Lost } from './panels/head';
import { Streams } from './panels/streams';
import { Tables } from './panels/tables';
import './style.css';

function Page() {
  const isMap = view.value === 'map';
  return (
    <>
      <Head />
      <Lost />
      <main>
        {/* The map stays while the tables are seen: where its nodes stand is not worked out anew. */}
        <div class="board" hidden={!isMap}>
          <Streams />
          <MapView />
          <div class="side">
            {isMap && <Details />}
            <Events />
          </div>
        </div>
        {!isMap && <Tables />}
      </main>
    </>
  );
}

keepInAddress();
keepContact();
keepPictures();
render(<Page />, document.getElementById('page')!);
